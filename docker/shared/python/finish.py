"""Gives all that lies below a folder one time and plain modes, so that the same content makes the same image."""

from __future__ import annotations

import os
from pathlib import Path

# 1980-01-01, the oldest that a ZIP file can tell: packages made of an image's files would fail with an older one.
TIME = 315532800


def finish(tree: Path) -> None:
    """Set the times of everything in `tree`, and the modes of files and folders to 644 or 755 whatever the umask was."""
    for folder, names, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder, name) for name in (*names, *files))):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
            os.utime(path, (TIME, TIME), follow_symlinks=False)
