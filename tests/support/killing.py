"""Kills a program with all that it has started, at once and without a chance to tidy up."""

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
    """Kill it when `due`, and `how`, else with all that it started.

    Raises AssertionError when it ended before, or was not due in time; then it is killed too.
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
    """`due`, asked for each `file` which the process puts in place of the former; the process stands still meanwhile, and after a True."""

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
    """SIGKILL for the process and its descendants. The engine gives each plugin a process group of its own, so one group is not all."""
    family: set[int] = set()
    # All stand still before the first is killed, or one could start another that nobody knows.
    while others := {pid, *descendants(pid)} - family:
        for member in others:
            _send(member, signal.SIGSTOP)
        family |= others
    for member in family:
        kill_alone(member)


def kill_alone(pid: int) -> None:
    """SIGKILL for one process; content when it is gone."""
    _send(pid, signal.SIGKILL)


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


def descendants(pid: int) -> set[int]:
    """Its children, theirs, and so on."""
    parents = _parents()
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent == pid or parent in found} - found:
        found |= more
    return found


def _parents() -> dict[int, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # "pid (name) state ppid …", and a name may hold anything (source: proc(5)).
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found
