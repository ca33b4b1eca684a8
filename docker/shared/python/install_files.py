"""Lays out an app's own files: install_files.py <data folder> [<source>:<target>[:x] …].

Runs on the platform that builds. The result is /out, a tree to be copied to / of the last stage: the given files (executable with `:x`),
the health check, the app's user and its data folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from finish import finish

OUT = Path("/out")
# No user of the instance, unlike 1000. `userId` of the configuration.
USER = 10001


def main(data_folder: str, files: list[str]) -> None:
    """Fill /out."""
    for source, target, *mode in (file.split(":") for file in files):
        place(Path(source), target, executable=mode == ["x"])
    place(Path(__file__).with_name("healthcheck"), "/usr/local/bin/healthcheck", executable=True)
    add_user(data_folder)
    data = below_out(data_folder)
    data.mkdir(parents=True)
    finish(OUT)
    os.chown(data, USER, USER)


def below_out(path: str) -> Path:
    """The place in /out of a path of the image."""
    return OUT / path.lstrip("/")


def place(source: Path, target: str, executable: bool) -> None:
    """Copy a file to its place."""
    path = below_out(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    path.chmod(0o755 if executable else 0o644)


def add_user(home: str) -> None:
    """Write the base's users and groups, with `app` unless the number is taken: some programs need a name."""
    for name, line in (("passwd", f"app:x:{USER}:{USER}::{home}:/bin/sh"), ("group", f"app:x:{USER}:")):
        existing = Path("/etc", name).read_text()
        numbers = {entry.split(":")[2] for entry in existing.splitlines() if entry.count(":") > 2}
        path = below_out(f"/etc/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(existing if str(USER) in numbers else f"{existing.rstrip()}\n{line}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
