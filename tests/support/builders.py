"""A buildx builder with a disk of any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox import engine
from sandbox.builders import ROOT, Builder, running


class SmallBuilder(Builder):
    """A BuildKit with a tmpfs as its disk."""

    def __init__(self, name: str, megabytes: int) -> None:
        super().__init__(name, ("--tmpfs", f"{ROOT}:size={megabytes}m"))

    def grow(self, megabytes: int) -> None:
        """Resize its disk."""
        engine.podman("exec", self.container, "mount", "-o", f"remount,size={megabytes}m", ROOT)


@contextmanager
def small_builder(name: str, megabytes: int) -> Iterator[SmallBuilder]:
    """Run the builder `name` as long as the context lasts."""
    builder = SmallBuilder(name, megabytes)
    with running(builder):
        yield builder
