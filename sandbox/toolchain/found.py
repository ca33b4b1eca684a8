"""Takes what the machine has: `pulumi` and `buildkitd` on PATH, plugins in the folder that SANDBOX_PLUGINS names."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from sandbox.process import SandboxError, run
from sandbox.toolchain import tools
from sandbox.toolchain.tools import Tool

# The engine's protocol is stable; the Python SDK in requirements.txt was run with the version in go.mod, none older was tried.
OLDEST_PULUMI = (3, 200, 0)


def take(home: Path, wanted: Iterable[Tool], say: Callable[[str], None]) -> None:
    """Put in place and stamp what of `wanted` this machine has; leave the rest."""
    for tool in wanted:
        if tool == tools.PULUMI:
            source = _pulumi(home, say)
        elif tool == tools.BUILDKIT:
            source = _buildkit(home)
        else:
            source = _plugin(home, tool)
        if source:
            tools.stamp(home, tool, tools.identity(source))
            say(f"{tool.name}: {source}, which this machine has")


def on_path(program: str, home: Path) -> Path | None:
    """A program on PATH that is not one this toolchain put into the sandbox itself."""
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
    _copy(given, target)
    return given


def _pulumi(home: Path, say: Callable[[str], None]) -> Path | None:
    pulumi = on_path("pulumi", home)
    if pulumi is None:
        return None
    version = _version_of(pulumi, "version")
    if version < OLDEST_PULUMI:
        say(
            f"{pulumi} is {_dotted(version)}; {_dotted(OLDEST_PULUMI)} or newer is wanted, so another one is got for the sandbox"
        )
        return None
    # A package manager links `pulumi` into a folder of PATH; its helpers are linked beside it or lie beside the original.
    sources = [pulumi]
    for name in ("pulumi-language-python", "pulumi-language-python-exec"):
        beside = (folder / name for folder in (pulumi.parent, pulumi.resolve().parent))
        source = next((path for path in beside if os.access(path, os.X_OK)), None) or on_path(name, home)
        if source is None:
            say(f"{pulumi} has no {name} beside it, so another one is got for the sandbox")
            return None
        sources.append(source)
    for source, target in zip(sources, tools.PULUMI.paths(home), strict=True):
        _link(source, target)
    return pulumi


def _buildkit(home: Path) -> Path | None:
    """Only one that is not older than what the docker-build plugin was made for, and that needs no library of this machine:
    the sandbox runs it in a container."""
    sources = [on_path(name, home) for name in ("buildkitd", "buildctl")]
    wanted = tools.version_in(tools.BUILDKIT_VERSION)
    for source in sources:
        if source is None or _version_of(source, "--version") < wanted or not is_static(source):
            return None
    for found, target in zip(sources, tools.BUILDKIT.paths(home), strict=True):
        if found:
            _copy(found, target)
    return sources[0]


def is_static(binary: Path) -> bool:
    """Whether a 64-bit little-endian ELF file asks for no dynamic loader (no PT_INTERP header, elf(5))."""
    with binary.open("rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
            return False
        (offset,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        table = file.read(size * count)
    return all(struct.unpack_from("<I", table, size * index)[0] != 3 for index in range(count))


def _version_of(program: Path, argument: str) -> tuple[int, int, int]:
    try:
        return tools.version_in(run([program, argument], timeout=30, env={"PULUMI_SKIP_UPDATE_CHECK": "true"}).stdout)
    except (SandboxError, OSError):
        return (0, 0, 0)


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, temporary)
    tools.place(temporary, target)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(source)
    temporary.replace(target)
