"""A stack with only the image, built by the program itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.stack import ROOT, Stack

# The image and its repository, without an instance.
TARGETS = ("**containerised-app:image:AppImage**", "**containerised-app:registry:Registry**")
# Not part of a clone.
IGNORED = shutil.ignore_patterns(".git", ".sandbox", ".build", "venv", "__pycache__", ".*_cache")


class ImageStack(Stack):
    """`up` builds and pushes the image. The output "image" is its reference."""

    def _steps(self, command: str, *args: str) -> dict[str, str]:
        targets = () if command == "destroy" else tuple(word for one in TARGETS for word in ("--target", one))
        return super()._steps(command, *args, *targets)


@contextmanager
def image_stack(
    name: str, folder: Path, overlay: Path, program: Path = ROOT, **configuration: Any
) -> Iterator[ImageStack]:
    """Create a stack with this configuration and without resources. The end of the context destroys it."""
    stack = ImageStack(name, folder, overlay)
    stack.clear()
    stack.init()
    stack.program = program
    try:
        stack.configure(password="of-no-app-0c3fRq7L", **configuration)
        yield stack
    finally:
        stack.clear()


def fresh_copy(target: Path, mode: int = 0o600) -> Path:
    """Copy the project like a new clone: files of this mode with the current time, and no caches."""
    shutil.copytree(ROOT, target, ignore=IGNORED, copy_function=shutil.copyfile)
    for path in (target, *target.rglob("*")):
        source = ROOT / path.relative_to(target)
        executable = path.is_dir() or source.stat().st_mode & 0o100
        path.chmod(mode | (mode & 0o444) >> 2 if executable else mode)
    if (ROOT / "venv").exists():
        # `pulumi install` creates it.
        (target / "venv").symlink_to(ROOT / "venv")
    return target
