"""A buildx builder on a disk of any size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox import engine
from sandbox.builders import ROOT, Builder, running


class SmallBuilder(Builder):
    """A BuildKit whose disk is a tmpfs."""

    def __init__(self, name: str, megabytes: int) -> None:
        super().__init__(name, ("--tmpfs", f"{ROOT}:size={megabytes}m"))

    def grow(self, megabytes: int) -> None:
        """Give its disk this size."""
        engine.podman("exec", self.container, "mount", "-o", f"remount,size={megabytes}m", ROOT)


@contextmanager
def small_builder(name: str, megabytes: int) -> Iterator[SmallBuilder]:
    """The builder `name`, as long as the context lasts."""
    builder = SmallBuilder(name, megabytes)
    with running(builder):
        yield builder
