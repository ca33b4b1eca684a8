"""The app in a cluster recovers by itself, with its data."""

from __future__ import annotations

import time

import pytest

from tests.support.jupyter import login
from tests.support.pod import in_pod, kubectl, pods, restart_node
from tests.support.stack import Stack

WRITE = "import os; f = open('/jupyter/kept.txt', 'w'); f.write('{}'); f.flush(); os.fsync(f.fileno())"


def starts(stack: Stack) -> set[tuple[str, int]]:
    """Return the ready pods with their restart counts."""
    found = set()
    for one in pods(stack):
        [status] = one["status"].get("containerStatuses") or [{"ready": False}]
        if status["ready"]:
            found.add((one["metadata"]["uid"], status["restartCount"]))
    return found


def back(stack: Stack, ended: set[tuple[str, int]], text: str, seconds: float) -> None:
    """Wait until the app has restarted, accepts the password and has the file."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if starts(stack) - ended and login(stack.output("loadBalancerUrl"), stack.password):
                break
        except (AssertionError, OSError):
            # Node and load balancer do not answer yet.
            pass
        assert time.monotonic() < deadline, f"not back within {seconds:.0f} s"
        time.sleep(1)
    assert in_pod(stack, "print(open('/jupyter/kept.txt').read())") == f"{text}\n"


def test_app_recovers_from_a_killed_process(oke: Stack) -> None:
    before = starts(oke)
    in_pod(oke, WRITE.format("before the kill"))
    # Init is process 1, and the app is its child.
    end = (
        "import os; [os.kill(int(p), 9) for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]"
    )
    in_pod(oke, end, check=False)
    back(oke, before, "before the kill", 90)


def test_app_recovers_from_a_deleted_pod(oke: Stack) -> None:
    before = starts(oke)
    in_pod(oke, WRITE.format("before the deletion"))
    kubectl(oke, "delete", "pods", "--all", "--wait=false")
    back(oke, before, "before the deletion", 120)


def test_app_recovers_from_a_restarted_node(oke: Stack) -> None:
    before = starts(oke)
    in_pod(oke, WRITE.format("before the restart"))
    restart_node(oke)
    back(oke, before, "before the restart", 180)


@pytest.mark.parametrize("command", ["preview", "refresh"])
def test_recovery_leaves_no_changes(oke: Stack, command: str) -> None:
    assert getattr(oke, command)("--expect-no-changes") == {}
