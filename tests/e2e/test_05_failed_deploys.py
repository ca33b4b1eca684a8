"""After a failed or killed deploy, the previous app answers with its previous password."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox.process import wait_for
from tests.e2e.conftest import new_password
from tests.support.jupyter import login
from tests.support.machine import on_machine, tunnel
from tests.support.stack import PulumiError, Stack

# The server refuses this value and exits.
BROKEN = {"environment": {"CULL_IDLE_SECONDS": "never"}}
RUN_FILE = "/usr/local/sbin/run-jupyterlab"


@contextmanager
def changed(stack: Stack, **configuration: Any) -> Iterator[None]:
    """Change configuration and password for the duration of the context; afterwards there is nothing to deploy."""
    text, password = stack.config_file.read_text(), stack.password
    stack.configure(password=new_password(), **configuration)
    try:
        yield
    finally:
        stack.config_file.write_text(text)
        stack.password = password
    with tunnel(stack) as url:
        assert login(url, password)
    assert stack.preview() == {}


@contextmanager
def podman_that_refuses(stack: Stack, words: str) -> Iterator[None]:
    """Let podman on the machine fail if its arguments match the shell pattern."""
    script = f'#!/bin/sh\ncase "$*" in {words}) exit 125 ;; esac\nexec /usr/bin/podman "$@"\n'
    on_machine(stack, f"printf %s {shlex.quote(script)} | sudo install -m 755 /dev/stdin /usr/local/bin/podman")
    try:
        yield
    finally:
        on_machine(stack, "sudo rm /usr/local/bin/podman")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("pull*", "error: the image could not be pulled"),
        ("secret' 'create*", "error: a secret file could not be stored"),
        ("run*ATTEMPT=1*", "error: jupyterlab did not start; the version before runs again"),
    ],
    ids=["pull", "secrets", "unit"],
)
def test_failed_podman_run_keeps_the_old_app(stack: Stack, words: str, says: str) -> None:
    with (
        changed(stack, environment={"ATTEMPT": "1"}),
        podman_that_refuses(stack, words),
        pytest.raises(PulumiError, match=says),
    ):
        stack.up()


def test_unhealthy_app_keeps_the_old_app(stack: Stack) -> None:
    with changed(stack, **BROKEN), pytest.raises(PulumiError) as failed:
        stack.up()
    assert "error: jupyterlab ended 5 times; the version before runs again" in str(failed.value)
    assert "JupyterLab not started: CULL_IDLE_SECONDS is 'never'" in str(failed.value)


def test_failed_deploy_after_a_killed_one_keeps_the_old_app(stack: Stack) -> None:
    with changed(stack, healthPath="/api/nothing-here"), ThreadPoolExecutor() as pool:
        killed = pool.submit(stack.up)
        running = "sudo podman inspect jupyterlab | grep -q nothing-here"
        kept = f"test -e {RUN_FILE}.before && {running} && systemctl is-active app-jupyterlab"
        wait_for(lambda: on_machine(stack, kept, check=False) == "active\n", "the start of the new version", 120)
        on_machine(stack, "sudo pkill --signal KILL --full '^bash -c .*[w]aiting for cloud-init'")
        with pytest.raises(PulumiError):
            killed.result()
        stack.configure(healthPath="/api", **BROKEN)
        with pytest.raises(PulumiError, match="the version before runs again"):
            stack.up()


def test_deploy_removes_unused_images_and_files(stack: Stack) -> None:
    stack.configure(password=new_password())
    stack.up()
    used = on_machine(stack, f"sudo grep --only-matching 'jupyterlab-[0-9]*-0' {RUN_FILE}").split()
    assert len(used) == 1
    assert on_machine(stack, "sudo podman secret ls --format '{{.Name}}'").split() == used
    assert on_machine(stack, f"ls {RUN_FILE}* /etc/systemd/system/app-*").split() == [
        "/etc/systemd/system/app-jupyterlab.service",
        RUN_FILE,
        f"{RUN_FILE}.healthy",
    ]
