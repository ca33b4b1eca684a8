"""Gives everything below a folder one time and plain modes, so that equal content makes equal images."""

from __future__ import annotations

import os
from pathlib import Path

# 1980-01-01, the oldest time of ZIP files: someone may build packages from an image's files.
TIME = 315532800


def finish(tree: Path) -> None:
    """Set all times in `tree`, and the modes of files and folders to 644 or 755."""
    for folder, names, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder, name) for name in (*names, *files))):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
            os.utime(path, (TIME, TIME), follow_symlinks=False)
