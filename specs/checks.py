"""Checks of single values, which raise ValueError with what is wrong and what would do."""

from __future__ import annotations

import ipaddress
import posixpath
from collections.abc import Sequence

SYSTEM_FOLDERS = frozenset(
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr"]
)
"""Neither these nor anything below them can be an app's data folder."""

SHARED_FOLDERS = frozenset(["/", "/home", "/mnt", "/opt", "/opt/app", "/srv", "/tmp", "/var", "/var/lib", "/var/tmp"])  # noqa: S108 - names to refuse
"""Folders below which there may be one, while they themselves are full of other things; /opt/app holds the shipped images' packages."""

FIRST_FREE_PORT = 1024
"""Ports below take privileges to listen on, which the app does not have."""


class CorrectableError(ValueError):
    """A wrong value for which the right one is known: `correction`."""

    def __init__(self, problem: str, correction: str) -> None:
        super().__init__(problem)
        self.correction = correction


def cidr(value: str) -> str:
    """Accept an IPv4 network in CIDR form. Raises ValueError with what it should be."""
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value} is not an IPv4 network such as 203.0.113.0/24") from None
    if "/" not in value:
        raise ValueError(f"{value} has no prefix, such as /16")
    if str(network) != value:
        raise CorrectableError(f"{value} has host bits set; the network is {network}", str(network))
    return value


def own_network(value: str) -> str:
    """Accept a network from which people connect: any but the whole internet."""
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        if cidr(value).endswith("/0"):
            raise ValueError(f"{value} is the whole internet; name the networks you connect from") from None
        return value
    raise CorrectableError(f"{value} has no prefix; one address is {address}/32", f"{address}/32")


def free_port(value: int) -> int:
    """Accept a TCP port on which an app without privileges can listen and which the instance does not use itself."""
    if value == 22:
        raise ValueError("port 22 is taken by the instance's SSH server")
    if value < FIRST_FREE_PORT:
        raise ValueError(f"ports below {FIRST_FREE_PORT} are taken by the system; the app does not run as root")
    return value


def data_path(value: str) -> str:
    """Accept an absolute folder of its own in the container, in its plain form."""
    plain = "/" + posixpath.normpath(value).lstrip("/")
    if plain != value:
        raise CorrectableError(f"{value} is another way to write {plain}", plain)
    if plain in SHARED_FOLDERS or "/".join(plain.split("/")[:2]) in SYSTEM_FOLDERS:
        raise ValueError("must be a folder of its own, not one of the system's")
    return value


def duplicates(values: Sequence[str]) -> list[int]:
    """Where a value stands that stood before."""
    return [place for place, value in enumerate(values) if value in values[:place]]
