"""Private addresses of VNICs: data only, since no packet of the sandbox carries one.

source of the reserved ones: OCI documentation, "VCNs and Subnets": of each subnet the first two addresses and the last.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.errors import ServiceError, conflict, invalid


def taken(cloud: Cloud, subnet: Record) -> set[str]:
    """The addresses that VNICs in the subnet have."""
    instances = (other.properties for other in cloud.all("instance"))
    return {other["privateIp"] for other in instances if other["subnetId"] == subnet.id}


def free(cloud: Cloud, subnet: Record) -> str:
    """The first address that may be used and is not taken. Refuses when there is none."""
    others = taken(cloud, subnet)
    for address in _usable(subnet):
        if address not in others:
            return address
    raise ServiceError(400, "LimitExceeded", f"Subnet {subnet.id} has no free private IP address.")


def review(cloud: Cloud, subnet: Record, address: str) -> None:
    """Refuse an address that was asked for and cannot be had."""
    if address not in _usable(subnet):
        raise invalid(f"privateIp {address} is not an address of subnet {subnet.id} that can be used.")
    if address in taken(cloud, subnet):
        raise conflict(f"privateIp {address} is already in use in subnet {subnet.id}.")


def _usable(subnet: Record) -> Iterator[str]:
    hosts = ipaddress.IPv4Network(subnet.properties["cidrBlock"]).hosts()
    next(hosts)
    return (str(address) for address in hosts)
