"""Installs the providers where Pulumi looks for plugins: official ones if available, otherwise the emulated ones."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

from sandbox import paths, toolchain
from sandbox.process import SandboxError, run, write_if_changed
from sandbox.toolchain import tools

# The Python module that emulates each provider.
EMULATORS = {"oci": "sandbox.oci", "command": "sandbox.command", "kubernetes": "sandbox.kubernetes_provider"}


def version(name: str) -> str:
    """Return the pinned version of the provider's SDK; the engine asks for a plugin of that version."""
    found = re.search(rf"^pulumi-{name}==(\S+)", (paths.ROOT / "requirements.txt").read_text(), re.MULTILINE)
    if not found:
        raise SandboxError(f"requirements.txt does not pin pulumi-{name}")
    return found[1]


def launcher(module: str) -> str:
    """Return the executable script of an emulated provider."""
    python, root, home = (shlex.quote(str(path)) for path in (paths.VENV / "bin" / "python", paths.ROOT, paths.HOME))
    return f'#!/bin/sh\nSANDBOX_HOME={home} PYTHONPATH={root} exec {python} -m {module} "$@"\n'


def install(say: Callable[[str], None]) -> bool:
    """Install all providers; return True if one changed. Needs the Pulumi CLI, and the network the first time.

    The official oci plugin connects to Oracle's cloud, so it is used only from the folder SANDBOX_PLUGINS.
    """
    changed = False
    for name, module in EMULATORS.items():
        tool = tools.plugin(name, version(name))
        target, script = tool.paths(paths.HOME)[0], launcher(module)
        given = tools.given_plugin(tool)
        if not given and target.exists() and target.read_bytes() == script.encode():
            continue
        official = (given or name != "oci") and toolchain.ensure_plugin(paths.HOME, name, version(name), say)
        if not official:
            changed |= write_if_changed(target, script, 0o755)
    return changed


def program_environment() -> bool:
    """Create the program's virtual environment, as Pulumi.yaml configures it; return True if it was created.

    A compiled language host does not need it: that older version takes the first Python on PATH.
    """
    stamp, wanted = paths.STAMPS / "program-requirements", (paths.ROOT / "requirements.txt").read_text()
    record = json.loads(tools.stamp_file(paths.HOME).read_text()) if tools.stamp_file(paths.HOME).exists() else {}
    if record.get("pulumi", {}).get("source", "").startswith("compiled"):
        return False
    if stamp.exists() and stamp.read_text() == wanted and (paths.ROOT / "venv").exists():
        return False
    run([paths.ROOT / "sandbox" / "pulumi", "install", "--no-plugins"], cwd=paths.ROOT, timeout=900)
    return write_if_changed(stamp, wanted)
