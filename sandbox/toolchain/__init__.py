"""Installs the programs of the sandbox: the Pulumi engine, the docker-build plugin and BuildKit; for stacks with a cluster, Kubernetes.

It tries three ways for each tool. First, it uses what this machine has: `pulumi` on PATH, plugins in the folder SANDBOX_PLUGINS. Second, it
downloads official releases. Third, it compiles the tool from a pinned go.mod, with Go from PyPI if necessary. Tools go to `bin` and
`pulumi/plugins` of the sandbox's folder. Only Go's caches are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sandbox.process import alone
from sandbox.toolchain import build, found, official, tools
from sandbox.toolchain.tools import TOOLS, Tool

__all__ = ["ensure", "ensure_plugin"]


def ensure(home: Path, say: Callable[[str], None], wanted: Sequence[Tool] = TOOLS) -> None:
    """Install missing tools under `home`. `say` receives lines about the progress.

    Raises SandboxError if a tool is not available in any way; its message says what to install or to set.
    """
    _ensure(home, wanted, (found.take, official.take, build.take), say)


def ensure_plugin(home: Path, name: str, version: str, say: Callable[[str], None]) -> bool:
    """Install the official provider plugin; return False if neither SANDBOX_PLUGINS nor its makers have it.

    Needs `pulumi` (see `ensure`).
    """
    tool = tools.plugin(name, version)
    _ensure(home, [tool], (found.take, official.take), say)
    return not tools.missing(home, [tool])


Way = Callable[[Path, list[Tool], Callable[[str], None]], None]


def _ensure(home: Path, wanted: Iterable[Tool], ways: Iterable[Way], say: Callable[[str], None]) -> None:
    home, wanted = home.absolute(), list(wanted)
    if not tools.missing(home, wanted):
        return
    with alone(home / "stamps" / "toolchain.lock", lambda: say("waiting for another run that installs the toolchain")):
        for way in ways:
            if lacking := tools.missing(home, wanted):
                way(home, lacking, say)
