"""The app recovers by itself after it has ended."""

from __future__ import annotations

import time

from tests.support.jupyter import login
from tests.support.machine import container_id, on_machine, tunnel
from tests.support.stack import Stack


def back(stack: Stack, ended: str, seconds: float) -> None:
    """Wait until another container than `ended` runs and a login through a new tunnel works."""
    deadline = time.monotonic() + seconds
    while container_id(stack) in ("", ended):
        assert time.monotonic() < deadline, f"no other container within {seconds:.0f} s"
        time.sleep(1)
    with tunnel(stack, seconds=deadline - time.monotonic()) as url:
        assert login(url, stack.password)


def test_app_recovers_from_a_killed_process(stack: Stack) -> None:
    running = container_id(stack)
    # In the container, init is process 1 and the app is its child.
    init = f"$(sudo podman inspect --format '{{{{.State.Pid}}}}' {running})"
    on_machine(stack, f"sudo pkill --signal KILL --parent {init}")
    back(stack, running, 90)


def test_app_recovers_from_a_killed_container(stack: Stack) -> None:
    running = container_id(stack)
    on_machine(stack, f"sudo podman kill {running}")
    back(stack, running, 90)


def test_app_recovers_from_a_reboot(stack: Stack) -> None:
    boot = "systemctl show --value --property UserspaceTimestampMonotonic"
    running, booted = container_id(stack), on_machine(stack, boot)
    on_machine(stack, "sudo reboot", check=False)
    back(stack, running, 240)
    assert on_machine(stack, boot) != booted
