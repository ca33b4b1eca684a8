"""Run a function in several processes at the same time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from typing import Any


def at_once(target: Callable[..., None], arguments: Iterable[tuple[Any, ...]], seconds: float = 60) -> None:
    """Call `target`, a function of a module, in a new process for each of the `arguments`. Raises AssertionError if one fails."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=target, args=given) for given in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(seconds)
    assert [process.exitcode for process in processes] == [0] * len(processes)
