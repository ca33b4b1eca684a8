"""What belongs to the repository, of all that lies in the checkout."""

from __future__ import annotations

import subprocess

from tests.support.stack import ROOT


def repository_files() -> list[str]:
    """Paths of its files, with those about to be added; relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
