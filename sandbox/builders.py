"""Further buildx builders in the sandbox, beside its own: each a BuildKit with a cache of its own, empty at first."""

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


class Builder:
    """A BuildKit configured as the sandbox's own is. storage: podman's words for what its cache lies on, by default a new volume."""

    def __init__(self, name: str, storage: Sequence[str] = ("--volume", ROOT)) -> None:
        self.name, self.storage = name, storage
        self.container = f"sandbox-builder-{name}"
        self.folder = paths.RUNTIME / name
        self.socket = self.folder / buildkit.SOCKET.name
        self.configuration = paths.BUILDKIT / f"{name}.toml"

    def start(self) -> None:
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
            *("run", "--detach", "--name", self.container),
            *("--network", paths.NETWORK, "--ip", address.reserve(self.container)),
            *("--privileged", "--cgroupns", "private", *self.storage),
            *(word for mount in mounts for word in ("--volume", mount)),
            *(paths.MACHINE_IMAGE, "buildkitd"),
        )
        wait_for(self.socket.exists, f"the builder {self.name}", 30)

    def pid(self) -> int:
        """Of buildkitd on the host; what runs in a build is below it."""
        return int(engine.podman("container", "inspect", "--format", "{{.State.Pid}}", self.container).stdout)

    def remove(self) -> None:
        """End it and delete what it had."""
        engine.podman("rm", "--force", "--ignore", "--time", "0", "--volumes", self.container)
        address.release(self.container)
        run(privileged(["rm", "-rf", self.folder]))
        self.configuration.unlink(missing_ok=True)


@contextmanager
def running(builder: Builder) -> Iterator[None]:
    """The builder runs, and buildx knows it, as long as the context lasts."""
    try:
        builder.start()
        with registered(builder.name, builder.socket):
            yield
    finally:
        builder.remove()
