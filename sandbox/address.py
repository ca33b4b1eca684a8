"""Who has which address of the sandbox's network: cloud/machines/<name>/address, for machines, clusters, nodes and load balancers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import paths
from sandbox.process import SandboxError, alone, run, write_if_changed

# The first addresses of the network are the gateway's and the services'.
FIRST_ADDRESS = 10


def reserve(name: str) -> str:
    """The address of `name`, which keeps it until `release`: the first free one. Raises SandboxError when all are taken."""
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
    """The address of `name`, "" when it has none."""
    return _read(paths.MACHINES / name)


def release(name: str) -> None:
    """Give the address back, with whatever else the folder holds. Content when there is none."""
    with locked():
        shutil.rmtree(paths.MACHINES / name, ignore_errors=True)


def announce(own: str) -> None:
    """Within a container: tell the neighbours of its address. One that was made or started again has another hardware address than the one
    they remember, and would not ask for a while.
    """
    run(["arping", "-U", "-c", "1", "-I", "eth0", own], check=False)


@contextmanager
def locked() -> Iterator[None]:
    """The right to write in cloud/machines, for one process at a time, in and out of containers."""
    paths.MACHINES.mkdir(parents=True, exist_ok=True)
    with alone(paths.CLOUD / "locks" / "machines"):
        yield


def _read(folder: Path) -> str:
    # A cluster's and a node's folder is deleted whole by another program, which knows no lock.
    try:
        return (folder / "address").read_text().strip()
    except FileNotFoundError:
        return ""
