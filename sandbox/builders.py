"""Additional buildx builders for tests and measurements: each is a BuildKit with its own, initially empty cache."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox import address, buildkit, engine, paths
from sandbox.process import privileged, run, wait_for

ROOT = "/var/lib/buildkit"


@contextmanager
def registered(name: str, socket: Path) -> Iterator[None]:
    """Register a builder of this name at `socket` with buildx for the duration of the context."""
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


class Builder:
    """A BuildKit configured like the sandbox's own. storage: podman options for its cache, by default a new volume."""

    def __init__(self, name: str, storage: Sequence[str] = ("--volume", ROOT)) -> None:
        self.name, self.storage = name, storage
        self.container = f"sandbox-builder-{name}"
        self.folder = paths.RUNTIME / name
        self.socket = self.folder / buildkit.SOCKET.name
        self.configuration = paths.BUILDKIT / f"{name}.toml"

    def start(self) -> None:
        """Start the builder and wait until it listens."""
        self.remove()
        run(privileged(["install", "-d", "-m", "755", self.folder]))
        self.configuration.write_text(buildkit.configuration(os.getuid(), os.getgid()))
        own = address.reserve(self.container)
        engine.podman(*buildkit.run_command(self.container, own, self.configuration, self.folder, self.storage))
        wait_for(self.socket.exists, f"the builder {self.name}", 30)

    def pid(self) -> int:
        """Return the process id of buildkitd on the host, the ancestor of all build steps."""
        return int(engine.podman("container", "inspect", "--format", "{{.State.Pid}}", self.container).stdout)

    def remove(self) -> None:
        """Stop the builder and delete its files."""
        engine.podman("rm", "--force", "--ignore", "--time", "0", "--volumes", self.container)
        address.release(self.container)
        run(privileged(["rm", "-rf", self.folder]))
        self.configuration.unlink(missing_ok=True)


@contextmanager
def running(builder: Builder) -> Iterator[None]:
    """Run and register the builder for the duration of the context."""
    try:
        builder.start()
        with registered(builder.name, builder.socket):
            yield
    finally:
        builder.remove()
