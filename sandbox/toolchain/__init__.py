"""Gets the programs that the sandbox runs and does not have: the Pulumi engine, the docker-build plugin and BuildKit; for tests of
builds, buildx; for stacks with a cluster, Kubernetes.

For each, the first way that works: what the machine has (PATH; plugins in the folder that SANDBOX_PLUGINS names), the official
releases where their sites answer, compiled from a pinned go.mod where a Go module proxy answers (with a Go from PyPI if there is
none here). They go to `bin` and `pulumi/plugins` of the sandbox's folder; nothing is installed anywhere else but in Go's own caches.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox.toolchain import build, found, official, tools
from sandbox.toolchain.tools import TOOLS, Tool

__all__ = ["ensure", "ensure_plugin"]


def ensure(home: Path, say: Callable[[str], None], wanted: Sequence[Tool] = TOOLS) -> None:
    """Have `wanted` in place under `home`; at once when it is there already. `say` gets a line for each thing worth knowing.

    Raises SandboxError, whose message says what to install or to set, when a program cannot be had in any way.
    """
    _ensure(home, wanted, (found.take, official.take, build.take), say)


def ensure_plugin(home: Path, name: str, version: str, say: Callable[[str], None]) -> bool:
    """Have the real provider plugin `name` in place; False where it can be had neither from SANDBOX_PLUGINS nor from its makers.

    `pulumi` has to be in place for the latter (see `ensure`).
    """
    tool = tools.plugin(name, version)
    _ensure(home, [tool], (found.take, official.take), say)
    return not tools.missing(home, [tool])


Way = Callable[[Path, list[Tool], Callable[[str], None]], None]


def _ensure(home: Path, wanted: Iterable[Tool], ways: Iterable[Way], say: Callable[[str], None]) -> None:
    home, wanted = home.absolute(), list(wanted)
    if not tools.missing(home, wanted):
        return
    with _alone(home, say):
        for way in ways:
            if lacking := tools.missing(home, wanted):
                way(home, lacking, say)


@contextmanager
def _alone(home: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Keep a second run that was started beside this one waiting; the kernel drops the lock of a run that dies."""
    folder = home / "stamps"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "toolchain.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is getting the toolchain; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
