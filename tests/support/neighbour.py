"""Another machine on the sandbox's network: outside of `sshNetworks`, and with a fake of the metadata service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox import address, engine, paths
from sandbox.process import wait_for

NAME = "sandbox-e2e-neighbour"
METADATA_ADDRESS = "169.254.169.254"
# Answers every path on port 80 of the address.
SERVE = f"ip address add {METADATA_ADDRESS}/32 dev lo && exec python3 -m http.server --bind {METADATA_ADDRESS} 80"


@dataclass(frozen=True)
class Neighbour:
    """address: its own. Packets to METADATA_ADDRESS can be routed to it, too."""

    address: str

    def reaches(self, address: str, port: int) -> bool:
        """Whether a TCP connection from it succeeds within three seconds."""
        connect = f"timeout 3 bash -c '</dev/tcp/{address}/{port}'"
        return engine.podman("exec", NAME, "sh", "-c", connect, check=False).returncode == 0


@contextmanager
def neighbour() -> Iterator[Neighbour]:
    """Run the machine as long as the context lasts."""
    _remove()
    own = address.reserve(NAME)
    engine.podman(
        *("run", "--detach", "--name", NAME, "--network", paths.NETWORK, "--ip", own, "--cap-add", "net_admin"),
        *(paths.MACHINE_IMAGE, "sh", "-c", SERVE),
    )
    try:
        running = Neighbour(own)
        wait_for(lambda: running.reaches(METADATA_ADDRESS, 80), "the answer of the neighbour's metadata service", 30)
        yield running
    finally:
        _remove()


def _remove() -> None:
    engine.podman("rm", "--force", "--ignore", "--time", "0", NAME)
    address.release(NAME)
