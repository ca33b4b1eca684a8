"""Checks of single values, which raise ValueError with what is wrong and what would do."""

from __future__ import annotations

import errno
import ipaddress
import posixpath
from collections.abc import Sequence
from pathlib import Path

SYSTEM_FOLDERS = frozenset(
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr"]
)
"""Neither these nor anything below them can be an app's data folder."""

SHARED_FOLDERS = frozenset(["/", "/home", "/mnt", "/opt", "/opt/app", "/srv", "/tmp", "/var", "/var/lib", "/var/tmp"])  # noqa: S108 - names to refuse
"""Refused themselves, while folders below them are accepted; /opt/app holds the shipped images' packages."""

FIRST_FREE_PORT = 1024
"""Ports below take privileges to listen on, which the app does not have."""

NO_HOSTS = {
    "0.0.0.0/8": "addresses that no host has",
    "127.0.0.0/8": "each machine's own addresses (loopback)",
    "169.254.0.0/16": "link-local addresses, where Oracle's metadata service is",
    "224.0.0.0/4": "multicast addresses",
    "240.0.0.0/4": "reserved addresses, which no host has",
}
"""Networks without hosts: nobody connects from them, and no VCN can use them (source: RFC 6890; Oracle, "Allowed VCN Size and Address
Ranges").
"""

PODMAN_NETWORK = "10.88.0.0/16"
"""The instance's own network of containers, to which it sends all that has such an address (source: containers-common, default_subnet)."""

WIDEST_PREFIX = 8
"""The widest prefix that one person or company can have; the policy no-ingress-from-anywhere has the same limit."""

MOST_ADDRESSES = 4 << 24
"""Addresses in all networks together: four of the widest."""


class CorrectableError(ValueError):
    """A wrong value with an obvious right one: `correction`."""

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
        raise CorrectableError(
            f"{value} is an address in {network}; write the network, or /32 for the address alone", str(network)
        )
    for taken, what in NO_HOSTS.items():
        if network.subnet_of(ipaddress.IPv4Network(taken)):
            raise ValueError(f"{value} has {what}")
    return value


def own_network(value: str) -> str:
    """Accept a network from which people connect: any but the whole internet, or as good as that."""
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        prefix = ipaddress.IPv4Network(cidr(value)).prefixlen
        if prefix < WIDEST_PREFIX:
            extent = "the whole internet" if prefix == 0 else f"1/{1 << prefix} of the whole internet"
            raise ValueError(f"{value} is {extent}; name the networks you connect from") from None
        return value
    raise CorrectableError(f"{value} has no prefix; one address is {address}/32", f"{address}/32")


def addresses(networks: Sequence[str]) -> int:
    """How many addresses are in at least one of the networks."""
    found = ipaddress.collapse_addresses(ipaddress.IPv4Network(network) for network in networks)
    return sum(network.num_addresses for network in found)


def overlap(one: str, other: str) -> bool:
    """Whether two networks have an address in common."""
    return ipaddress.IPv4Network(one).overlaps(ipaddress.IPv4Network(other))


def file_name(value: str) -> str:
    """Accept the name of a file or folder, whether it exists or not. Raises ValueError for one that no file can have."""
    try:
        Path(value).expanduser().stat()
    except RuntimeError:
        raise ValueError("begins with ~ and a user without a home folder") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError("is longer than the file system allows") from None
    except ValueError:
        raise ValueError("is not the name of a file") from None
    return value


def is_file(path: Path) -> bool:
    """Whether there is such a file; False if that cannot be checked."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def data_path(value: str) -> str:
    """Accept an absolute path of a folder that the container's system does not use, without "." and ".." in it."""
    plain = "/" + posixpath.normpath(value).lstrip("/")
    if plain != value:
        raise CorrectableError(f"{value} is another way to write {plain}", plain)
    if plain in SHARED_FOLDERS or "/".join(plain.split("/")[:2]) in SYSTEM_FOLDERS:
        raise ValueError("must be a folder of its own, not one of the system's")
    return value


def duplicates(values: Sequence[str]) -> list[int]:
    """Where a value stands that stood before."""
    return [place for place, value in enumerate(values) if value in values[:place]]
