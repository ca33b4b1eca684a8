"""Addresses of machines, clusters, nodes and load balancers on the sandbox's network: cloud/machines/<name>/address."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import paths
from sandbox.process import SandboxError, alone, run, write_if_changed

# The addresses below belong to the gateway and the services.
FIRST_ADDRESS = 10


def reserve(name: str) -> str:
    """Reserve the first free address for `name` until `release`, or return its address. Raises SandboxError if all are taken."""
    with locked():
        if have := of(name):
            return have
        taken = {_read(other) for other in paths.MACHINES.iterdir()}
        free = (str(address) for address in list(paths.SUBNET.hosts())[FIRST_ADDRESS - 1 :])
        address = next((one for one in free if one not in taken), None)
        if address is None:
            raise SandboxError(f"all addresses of {paths.SUBNET} are taken")
        write_if_changed(paths.MACHINES / name / "address", address)
    return address


def of(name: str) -> str:
    """Return the address of `name`, or ""."""
    return _read(paths.MACHINES / name)


def release(name: str) -> None:
    """Release the address and delete its folder, if it exists."""
    with locked():
        shutil.rmtree(paths.MACHINES / name, ignore_errors=True)


def announce(own: str) -> None:
    """Announce the address of this container to its neighbours: after a restart they still have its old hardware address."""
    run(["arping", "-U", "-c", "1", "-I", "eth0", own], check=False)


@contextmanager
def locked() -> Iterator[None]:
    """Let one process at a time write to cloud/machines, on the host or in a container."""
    paths.MACHINES.mkdir(parents=True, exist_ok=True)
    with alone(paths.CLOUD / "locks" / "machines"):
        yield


def _read(folder: Path) -> str:
    # Folders of clusters and nodes are deleted without the lock.
    try:
        return (folder / "address").read_text().strip()
    except FileNotFoundError:
        return ""
