"""Kills a program with all that it has started, at once and without a chance to tidy up."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
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
    """`due`, asked once for each `file` that the process puts in the place of the former, while it stands still: no step is too short."""

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
    family = [pid, *descendants(pid)]
    for member in family:
        kill_alone(member)


def kill_alone(pid: int) -> None:
    """SIGKILL for one process; content when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> Iterator[int]:
    """Its children, theirs, and so on."""
    for child, parent in _parents().items():
        if parent == pid:
            yield child
            yield from descendants(child)


def _parents() -> dict[int, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # "pid (name) state ppid …", and a name may hold anything (source: proc(5)).
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found
