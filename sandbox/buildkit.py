"""BuildKit: buildkitd in a container, and the buildx builder `sandbox` that leads to it.

The Dockerfiles run nothing on the foreign platform, so BuildKit offers both platforms without emulation. docker-build finds the builder
through DOCKER_CONFIG, a folder of the sandbox; ~/.docker is neither read nor written.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from sandbox import engine, paths
from sandbox.process import privileged, run, wait_for, write_if_changed

BINARY = paths.BIN / "buildkitd"
# In the short run-time folder: paths of Unix sockets have at most 107 bytes (unix(7)).
SOCKET = paths.RUNTIME / "buildkit" / "buildkitd.sock"
PLATFORMS = ("linux/amd64", "linux/arm64")
# Size of the build cache: kept at least, and at most.
CACHE_KEPT, CACHE_LIMIT = "2GB", "8GB"


def configuration(uid: int, gid: int) -> str:
    """Return buildkitd.toml with paths in the container; uid and gid own the socket (source: buildkit docs/buildkitd.toml.md)."""
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
  # The container already isolates the network; another network inside it would need CNI plugins.
  networkMode = "host"
  gc = true
  reservedSpace = "{CACHE_KEPT}"
  maxUsedSpace = "{CACHE_LIMIT}"
[registry."{paths.REGISTRY_ADDRESS}"]
  ca = ["/etc/buildkit/ca.pem"]
"""


def builder() -> str:
    """Return the builder as `docker buildx create --driver remote` stores it (source: buildx 0.35.0, store/nodegroup.go)."""
    node = {"Name": f"{paths.BUILDER}0", "Endpoint": f"unix://{SOCKET}"}
    return json.dumps({"Name": paths.BUILDER, "Driver": "remote", "Nodes": [node], "Dynamic": False})


def prepare() -> None:
    """Write the builder for docker-build. Starts no container."""
    write_if_changed(paths.DOCKER_CONFIG / "config.json", "{}\n", 0o600)
    write_if_changed(paths.DOCKER_CONFIG / "buildx" / "instances" / paths.BUILDER, builder(), 0o600)


def start() -> None:
    """Start BuildKit unless it runs with this configuration. Needs the machine image and bin/buildkitd."""
    write_if_changed(paths.BUILDKIT / "buildkitd.toml", configuration(os.getuid(), os.getgid()))
    key = _key()
    if not engine.runs_as(paths.BUILDKIT_CONTAINER, key):
        engine.podman("rm", "--force", "--ignore", paths.BUILDKIT_CONTAINER)
        # The user's processes need access to the folders; the sockets in them have their own owners.
        run(privileged(["install", "-d", "-m", "755", paths.RUNTIME, SOCKET.parent, paths.BUILDKIT / "root"]))
        storage = [
            "--volume",
            f"{paths.BUILDKIT / 'root'}:/var/lib/buildkit",
            "--label",
            f"key={key}",
            "--restart",
            "always",
        ]
        configured = paths.BUILDKIT / "buildkitd.toml"
        engine.podman(
            *run_command(paths.BUILDKIT_CONTAINER, paths.BUILDKIT_ADDRESS, configured, SOCKET.parent, storage)
        )
    wait_for(_listens, "an answer of BuildKit", 30)


def run_command(name: str, own: str, configured: Path, sockets: Path, options: Sequence[str]) -> list[str | Path]:
    """Return podman's arguments for a BuildKit with the address `own`; options: its storage, and further ones of podman."""
    mounts = [
        f"{BINARY}:/usr/local/bin/buildkitd:ro",
        f"{configured}:/etc/buildkit/buildkitd.toml:ro",
        f"{paths.REGISTRY / 'tls' / 'ca.pem'}:/etc/buildkit/ca.pem:ro",
        f"{sockets}:/run/buildkit",
    ]
    command: list[str | Path] = ["run", "--detach", "--name", name, "--network", paths.NETWORK, "--ip", own]
    # BuildKit starts containers inside its own.
    command += ["--privileged", "--cgroupns", "private", *options]
    command += [word for mount in mounts for word in ("--volume", mount)]
    return [*command, paths.MACHINE_IMAGE, "buildkitd"]


def _key() -> str:
    binary, ca = BINARY.stat(), (paths.REGISTRY / "tls" / "ca.pem").read_text()
    parts = (paths.BUILDKIT / "buildkitd.toml").read_text(), ca, str(binary.st_size), str(binary.st_mtime_ns)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _listens() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(SOCKET)) == 0
