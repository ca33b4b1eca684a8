"""Kills a program and all its descendants at once, without a chance to clean up."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen


def kill_when(
    process: Popen[str], due: Callable[[], bool], seconds: float, how: Callable[[int], None] | None = None
) -> None:
    """Kill the process when `due` is true: by `how`, by default with all its descendants.

    Raises AssertionError if it ends before or is not due in time. It is killed then, too.
    """
    deadline = time.monotonic() + seconds
    try:
        while not due():
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline, f"it could not be killed at the right moment within {seconds} s"
            time.sleep(0.001)
        (how or kill)(process.pid)
    finally:
        kill(process.pid)
        process.wait()


def at_each_write(process: Popen[str], file: Path, due: Callable[[], bool]) -> Callable[[], bool]:
    """Return a function that calls `due` for each new `file` of the process. It stops the process meanwhile, and after a True."""

    def written() -> tuple[int, int]:
        status = file.stat()
        return status.st_ino, status.st_mtime_ns

    seen = written()

    def asked() -> bool:
        nonlocal seen
        if written() == seen:
            return False
        process.send_signal(signal.SIGSTOP)
        seen = written()
        found = due()
        if not found:
            process.send_signal(signal.SIGCONT)
        return found

    return asked


def kill(pid: int) -> None:
    """Send SIGKILL to the process and its descendants. Plugins have process groups of their own, so one group is not enough."""
    family: set[int] = set()
    # Stop all of them before the first is killed, so that none starts another process.
    while others := {pid, *descendants(pid)} - family:
        for member in others:
            _send(member, signal.SIGSTOP)
        family |= others
    for member in family:
        kill_alone(member)


def kill_alone(pid: int) -> None:
    """Send SIGKILL to one process, if it still exists."""
    _send(pid, signal.SIGKILL)


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


def descendants(pid: int) -> set[int]:
    """The ids of its children, their children, and so on."""
    parents = _parents()
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent == pid or parent in found} - found:
        found |= more
    return found


def _parents() -> dict[int, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # "pid (name) state ppid …". The name may contain any character (source: proc(5)).
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found
