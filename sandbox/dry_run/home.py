"""The home folder of a dry run: the sandbox's programs and account, its own backend and cloud, and providers that create nothing."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from sandbox import paths, plugins
from sandbox.process import SandboxError, write_if_changed
from sandbox.toolchain import tools

_SHARED = ("bin", "venv", "account", "docker", "registry")


def folder(stack: str) -> Path:
    """Return the home folder of the stack's dry run."""
    return paths.HOME / "dry-run" / stack


def make(stack: str) -> Path:
    """Create a new home in place of the previous one. Raises SandboxError if the sandbox has no engine."""
    home = folder(stack)
    shutil.rmtree(home, ignore_errors=True)
    lay_out(home)
    return home


def lay_out(home: Path) -> None:
    """Turn the folder into the home of a dry run (SANDBOX_HOME). Raises SandboxError if the sandbox has no engine."""
    docker_build = tools.DOCKER_BUILD.paths(paths.HOME)[0]
    if not docker_build.exists():
        raise SandboxError("the sandbox has no engine yet; run `make prepare`")
    home.mkdir(parents=True)
    for name in _SHARED:
        (home / name).symlink_to(paths.HOME / name)
    for name in plugins.EMULATORS:
        target = tools.plugin(name, plugins.version(name)).paths(home)[0]
        write_if_changed(target, _launcher(home, "providers.py", name), 0o755)
    launcher = _launcher(home, "builds.py", str(docker_build))
    write_if_changed(tools.DOCKER_BUILD.paths(home)[0], launcher, 0o755)


def _launcher(home: Path, file: str, *arguments: str) -> str:
    # Started as a file: plugins start in the other checkout, where `-m sandbox` would find that checkout's package.
    command = shlex.join([str(paths.VENV / "bin" / "python"), str(Path(__file__).with_name(file)), *arguments])
    root, own = (shlex.quote(str(path)) for path in (paths.ROOT, home))
    return f'#!/bin/sh\nSANDBOX_HOME={own} PYTHONPATH={root} exec {command} "$@"\n'
