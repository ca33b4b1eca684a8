"""Checks of single values, which raise ValueError with what is wrong and what would do."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

SYSTEM_FOLDERS = frozenset(
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr"]
)


def cidr(value: str) -> str:
    """Accept an IPv4 network in CIDR form. Raises ValueError with what it should be."""
    if "/" not in value:
        raise ValueError(f"{value} has no prefix; one address is {value}/32")
    try:
        return str(ipaddress.IPv4Network(value))
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError(
                f"{value} has host bits set; the network is {ipaddress.IPv4Network(value, strict=False)}"
            ) from None
        raise ValueError(f"{value} is not an IPv4 network such as 203.0.113.0/24") from None


def ssh_network(value: str) -> str:
    """Accept a network from which SSH may be reached: any but the whole internet."""
    if cidr(value).endswith("/0"):
        raise ValueError(f"{value} is the whole internet; name the networks you connect from")
    return value


def free_port(value: int) -> int:
    """Accept a TCP port on which an app without privileges can listen and which the instance does not use itself."""
    if value == 22:
        raise ValueError("port 22 is taken by the instance's SSH server")
    if value < 1024:
        raise ValueError("ports below 1024 are taken by the system; the app does not run as root")
    return value


def data_path(value: str) -> str:
    """Accept an absolute folder of its own in the container."""
    parts = value.split("/")
    if ".." in parts or "/".join(parts[:2]) in SYSTEM_FOLDERS or value == "/":
        raise ValueError("must be a folder of its own, not one of the system's")
    return value


def duplicate(values: Iterable[str]) -> str:
    """The first value that comes twice, or ""."""
    seen: set[str] = set()
    return next((value for value in values if value in seen or seen.add(value)), "")  # type: ignore[func-returns-value]
