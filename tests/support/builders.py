"""Further buildx builders in the sandbox, beside its own: one on a disk of any size, and one that does not answer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import buildkit, engine, paths
from sandbox.process import privileged, run, wait_for

ROOT = "/var/lib/buildkit"


@contextmanager
def registered(name: str, socket: Path) -> Iterator[None]:
    """Let buildx know a builder of this name at `socket`, as long as the context lasts, whether anything listens there or not."""
    buildx = paths.DOCKER_CONFIG / "buildx"
    instance = buildx / "instances" / name
    node = {"Name": f"{name}0", "Endpoint": f"unix://{socket}"}
    instance.write_text(json.dumps({"Name": name, "Driver": "remote", "Nodes": [node], "Dynamic": False}))
    try:
        yield
    finally:
        instance.unlink()
        (buildx / "activity" / name).unlink(missing_ok=True)
        shutil.rmtree(buildx / "refs" / name, ignore_errors=True)


class SmallBuilder:
    """A BuildKit whose disk is a tmpfs."""

    def __init__(self, name: str) -> None:
        self.container = f"sandbox-e2e-{name}"
        self.folder = paths.RUNTIME / name
        self.socket = self.folder / buildkit.SOCKET.name
        self.configuration = paths.BUILDKIT / f"{name}.toml"

    def start(self, megabytes: int) -> None:
        """Run it; back when it listens."""
        self.remove()
        run(privileged(["install", "-d", "-m", "755", self.folder]))
        self.configuration.write_text(buildkit.configuration(os.getuid(), os.getgid()))
        mounts = [
            f"{buildkit.BINARY}:/usr/local/bin/buildkitd:ro",
            f"{self.configuration}:/etc/buildkit/buildkitd.toml:ro",
            f"{paths.REGISTRY / 'tls' / 'ca.pem'}:/etc/buildkit/ca.pem:ro",
            f"{self.folder}:/run/buildkit",
        ]
        engine.podman(
            *("run", "--detach", "--name", self.container, "--network", paths.NETWORK),
            *("--privileged", "--cgroupns", "private", "--tmpfs", f"{ROOT}:size={megabytes}m"),
            *(word for mount in mounts for word in ("--volume", mount)),
            *(paths.MACHINE_IMAGE, "buildkitd"),
        )
        wait_for(self.socket.exists, "the small builder", 30)

    def grow(self, megabytes: int) -> None:
        """Give its disk this size."""
        engine.podman("exec", self.container, "mount", "-o", f"remount,size={megabytes}m", ROOT)

    def remove(self) -> None:
        """End it and delete what it had."""
        engine.podman("rm", "--force", "--ignore", "--time", "0", "--volumes", self.container)
        run(privileged(["rm", "-rf", self.folder]))
        self.configuration.unlink(missing_ok=True)


@contextmanager
def small_builder(name: str, megabytes: int) -> Iterator[SmallBuilder]:
    """The builder `name`, as long as the context lasts."""
    builder = SmallBuilder(name)
    try:
        builder.start(megabytes)
        with registered(name, builder.socket):
            yield builder
    finally:
        builder.remove()
