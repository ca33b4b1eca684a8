"""A Pulumi project on the sandbox's engine with one emulated provider, and its own plugin folder and backend."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sandbox import paths

LAUNCHER = """\
#!/bin/sh
PYTHONPATH='{root}' exec '{python}' -m {module} "$@"
"""


def lay_out(folder: Path, name: str, plugin: str, version: str, module: str) -> None:
    """Create the project `name` without a program in `folder`. Its plugin `plugin` is the Python module `module`."""
    (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
    launcher = folder / "home" / "plugins" / f"resource-{plugin}-v{version}" / f"pulumi-resource-{plugin}"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(LAUNCHER.format(root=paths.ROOT, python=sys.executable, module=module))
    launcher.chmod(0o755)
    (folder / "backend").mkdir()


def environment(folder: Path) -> dict[str, str]:
    """The environment of the CLI for this project."""
    return {
        "PATH": os.pathsep.join([str(paths.VENV / "bin"), str(paths.BIN), os.environ["PATH"]]),
        "HOME": str(folder),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "NO_COLOR": "1",
    }
