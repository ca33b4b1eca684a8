"""BuildKit for the images: buildkitd in a container, and the buildx builder `sandbox` that leads to it.

It builds for both platforms without emulation, so it says that it has both. docker-build finds it through DOCKER_CONFIG, a folder of the
sandbox's own: the user's ~/.docker is neither read nor written.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

from sandbox import engine, paths
from sandbox.process import privileged, run, wait_for, write_if_changed

BINARY = paths.BIN / "buildkitd"
# In the short run-time folder: a Unix socket's path has 107 bytes at most (unix(7)), and a checkout may lie deep.
SOCKET = paths.RUNTIME / "buildkit" / "buildkitd.sock"
PLATFORMS = ("linux/amd64", "linux/arm64")
# Of the build cache: what is kept whatever its age, and what it may grow to.
CACHE_KEPT, CACHE_LIMIT = "2GB", "8GB"


def configuration(uid: int, gid: int) -> str:
    """buildkitd.toml (source: buildkit docs/buildkitd.toml.md), paths as in the container, the socket owned by uid and gid."""
    return f"""root = "/var/lib/buildkit"
[grpc]
  address = ["unix:///run/buildkit/{SOCKET.name}"]
  uid = {uid}
  gid = {gid}
[worker.containerd]
  enabled = false
[worker.oci]
  enabled = true
  binary = "runc"
  platforms = {json.dumps(PLATFORMS)}
  # The container is the network's limit already; one more inside would need CNI plugins.
  networkMode = "host"
  gc = true
  reservedSpace = "{CACHE_KEPT}"
  maxUsedSpace = "{CACHE_LIMIT}"
[registry."{paths.REGISTRY_ADDRESS}"]
  ca = ["/etc/buildkit/ca.pem"]
"""


def builder() -> str:
    """The buildx builder, as `docker buildx create --driver remote` stores it (source: buildx 0.35.0, store/nodegroup.go)."""
    node = {"Name": f"{paths.BUILDER}0", "Endpoint": f"unix://{SOCKET}"}
    return json.dumps({"Name": paths.BUILDER, "Driver": "remote", "Nodes": [node], "Dynamic": False})


def prepare() -> None:
    """Write the builder where docker-build looks. Needs no container."""
    write_if_changed(paths.DOCKER_CONFIG / "config.json", "{}\n", 0o600)
    write_if_changed(paths.DOCKER_CONFIG / "buildx" / "instances" / paths.BUILDER, builder(), 0o600)


def start() -> None:
    """Run BuildKit, the one and as configured, unless it does; back when it listens. Needs the machine image and bin/buildkitd."""
    write_if_changed(paths.BUILDKIT / "buildkitd.toml", configuration(os.getuid(), os.getgid()))
    key = _key()
    if not engine.runs_as(paths.BUILDKIT_CONTAINER, key):
        engine.podman("rm", "--force", "--ignore", paths.BUILDKIT_CONTAINER)
        # Open for the person's own processes to pass: the sockets in it have owners of their own.
        run(privileged(["install", "-d", "-m", "755", paths.RUNTIME, SOCKET.parent, paths.BUILDKIT / "root"]))
        engine.podman(*_run_command(key))
    wait_for(_listens, "an answer of BuildKit", 30)


def _run_command(key: str) -> list[str | Path]:
    mounts = [
        f"{BINARY}:/usr/local/bin/buildkitd:ro",
        f"{paths.BUILDKIT / 'buildkitd.toml'}:/etc/buildkit/buildkitd.toml:ro",
        f"{paths.REGISTRY / 'tls' / 'ca.pem'}:/etc/buildkit/ca.pem:ro",
        f"{paths.BUILDKIT / 'root'}:/var/lib/buildkit",
        f"{SOCKET.parent}:/run/buildkit",
    ]
    command: list[str | Path] = ["run", "--detach", "--name", paths.BUILDKIT_CONTAINER, "--label", f"key={key}"]
    command += ["--restart", "always", "--network", paths.NETWORK, "--ip", paths.BUILDKIT_ADDRESS]
    # It starts containers of its own.
    command += ["--privileged", "--cgroupns", "private"]
    command += [word for mount in mounts for word in ("--volume", mount)]
    return [*command, paths.MACHINE_IMAGE, "buildkitd"]


def _key() -> str:
    binary, ca = BINARY.stat(), (paths.REGISTRY / "tls" / "ca.pem").read_text()
    parts = (paths.BUILDKIT / "buildkitd.toml").read_text(), ca, str(binary.st_size), str(binary.st_mtime_ns)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _listens() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(SOCKET)) == 0
