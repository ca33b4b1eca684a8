"""The files of the repository, without ignored files of the checkout."""

from __future__ import annotations

import subprocess

from tests.support.stack import ROOT


def repository_files() -> list[str]:
    """Paths of tracked and new files, relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
