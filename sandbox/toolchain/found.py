"""Uses what the machine has: `pulumi` on PATH, plugins in the folder SANDBOX_PLUGINS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from sandbox.process import SandboxError, run
from sandbox.toolchain import tools
from sandbox.toolchain.tools import Tool

# The protocol of the engine is stable. The version in go.mod is tested; older ones are not.
OLDEST_PULUMI = (3, 200, 0)


def take(home: Path, wanted: Iterable[Tool], say: Callable[[str], None]) -> None:
    """Install the wanted tools that this machine has."""
    for tool in wanted:
        source = _pulumi(home, say) if tool == tools.PULUMI else _plugin(home, tool)
        if source:
            tools.stamp(home, tool, tools.identity(source))
            say(f"{tool.name}: using {source} of this machine")


def on_path(program: str, home: Path) -> Path | None:
    """Return a program on PATH, outside the sandbox's own folder."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    own = (home / "bin").resolve()
    others = os.pathsep.join(folder for folder in folders if folder and Path(folder).resolve() != own)
    found = shutil.which(program, path=others)
    return Path(found).absolute() if found else None


def _plugin(home: Path, tool: Tool) -> Path | None:
    given = tools.given_plugin(tool)
    if given is None:
        return None
    (target,) = tool.paths(home)
    temporary = _temporary(target)
    shutil.copyfile(given, temporary)
    tools.place(temporary, target)
    return given


def _pulumi(home: Path, say: Callable[[str], None]) -> Path | None:
    pulumi = on_path("pulumi", home)
    if pulumi is None:
        return None
    version = _version_of(pulumi)
    if version < OLDEST_PULUMI:
        say(
            f"{pulumi} is {_dotted(version)}, but the sandbox needs {_dotted(OLDEST_PULUMI)} or newer and installs its own"
        )
        return None
    # If a package manager links `pulumi` into a folder on PATH, its helpers are beside the link or beside the original.
    sources = [pulumi]
    for name in ("pulumi-language-python", "pulumi-language-python-exec"):
        beside = (folder / name for folder in (pulumi.parent, pulumi.resolve().parent))
        source = next((path for path in beside if os.access(path, os.X_OK)), None) or on_path(name, home)
        if source is None:
            say(f"{pulumi} has no {name} beside it, so the sandbox installs its own pulumi")
            return None
        sources.append(source)
    for source, target in zip(sources, tools.PULUMI.paths(home), strict=True):
        _link(source, target)
    return pulumi


def _version_of(pulumi: Path) -> tuple[int, int, int]:
    try:
        return tools.version_in(run([pulumi, "version"], timeout=30, env={"PULUMI_SKIP_UPDATE_CHECK": "true"}).stdout)
    except (SandboxError, OSError):
        return (0, 0, 0)


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def _link(source: Path, target: Path) -> None:
    temporary = _temporary(target)
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(source)
    temporary.replace(target)


def _temporary(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.name}.{os.getpid()}")
