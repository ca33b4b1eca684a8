"""Several stacks in one sandbox and compartment, and several runs of one stack."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.engine.conftest import MakeStack
from tests.engine.test_switching import cloud
from tests.support.killing import kill
from tests.support.machineless import HOLD
from tests.support.stack import PROJECT, PULUMI, ROOT, Stack


def test_two_stacks_can_be_deployed_and_destroyed_at_the_same_time(
    machineless_stack: MakeStack, machineless_home: Path
) -> None:
    one, other = machineless_stack("one", "dev"), machineless_stack("other", "oke")
    with ThreadPoolExecutor() as both:
        assert all(both.map(lambda stack: "jupyterlab-index" in stack.up(), (one, other)))
        assert len(cloud(machineless_home, "containerrepo")) == len(cloud(machineless_home, "vcn")) == 2
        one.configure(ocpus=1)
        other.configure(loadBalancerMaxMbps=20)
        assert list(both.map(Stack.up, (one, other))) == [
            {"jupyterlab-instance": "update"},
            {"jupyterlab-service": "update"},
        ]
        other.configure(loadBalancerMaxMbps=30)
        gone, changed = both.submit(one.destroy), both.submit(other.up)
        assert changed.result() == {"jupyterlab-service": "update"}
        assert gone.result()
    assert not cloud(machineless_home, "instance")
    assert cloud(machineless_home, "cluster")
    assert other.up() == {}


def begin(stack: Stack, home: Path) -> subprocess.Popen[bytes]:
    """Start an `up` that runs until the test releases it. It has the lock."""
    (home / HOLD).touch()
    command = [str(PULUMI), "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name]
    running = subprocess.Popen(
        [*command, "--config-file", str(stack.config_file)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    state = home / "backend" / ".pulumi" / "stacks" / PROJECT / f"{stack.name}.json"
    deadline = time.monotonic() + 120
    # The state has everything before the remote command, and the command as a pending operation.
    while "jupyterlab-podman" not in state.read_text():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return running


def up(stack: Stack) -> subprocess.CompletedProcess[str]:
    """Run another `up`, which may fail."""
    return stack.pulumi("up", "--yes", "--skip-preview", "--config-file", str(stack.config_file), check=False)


def test_second_up_is_refused_with_the_owner_of_the_lock(machineless_stack: MakeStack, machineless_home: Path) -> None:
    stack = machineless_stack("busy", "dev")
    running = begin(stack, machineless_home)
    try:
        second = up(stack)
        said = second.stdout + second.stderr
        assert second.returncode != 0
        assert "the stack is currently locked by 1 lock(s)" in said
        assert f"(pid {running.pid})" in said
        assert f"created by {pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}" in said
        assert "`pulumi cancel`" in said
    finally:
        (machineless_home / HOLD).unlink()
    assert running.wait(120) == 0
    assert stack.up() == {}


def test_lock_of_a_killed_run_blocks_until_cancel(machineless_stack: MakeStack, machineless_home: Path) -> None:
    stack, others = machineless_stack("killed", "dev"), cloud(machineless_home, "instance")
    running = begin(stack, machineless_home)
    kill(running.pid)
    running.wait()
    (machineless_home / HOLD).unlink()
    refused = up(stack)
    assert refused.returncode != 0
    assert f"(pid {running.pid})" in refused.stdout + refused.stderr
    stack.pulumi("cancel", "--yes")
    assert stack.up()
    assert stack.up() == {}
    assert len(cloud(machineless_home, "instance") - others) == 1
