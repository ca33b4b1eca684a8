"""A copy of the program, for tests of another version of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.stack import ROOT

FILES = ("Pulumi.yaml", "*.py", "components", "settings", "specs", "docker", "operations", "requirements.txt", "venv")


def copy(folder: Path) -> Path:
    """Copy the program into the folder and return the folder."""
    for pattern in FILES:
        for path in ROOT.glob(pattern):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    return folder


def edit(program: Path, file: str, old: str, new: str) -> None:
    """Replace text in a file of the copy."""
    content = (program / file).read_text()
    assert old in content
    (program / file).write_text(content.replace(old, new))
