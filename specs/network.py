"""Networks as data: subnets, and who may reach what in them; each rule with the sentence that becomes its description in the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TCP = "6"
ICMP = "1"
ALL_PROTOCOLS = "all"
ANYWHERE = "0.0.0.0/0"
ORACLE_SERVICES = "oracle-services"
"""A placeholder for all services of the region in the Oracle Services Network; the cloud is asked for their name."""

INSTANCE = ""
"""The name of the instance's subnet: empty, because the network has no other."""


@dataclass(frozen=True)
class SecurityRule:
    """One rule of a network security group.

    direction: "INGRESS" from, or "EGRESS" to, `network` (a CIDR or ORACLE_SERVICES); protocol: its number as OCI writes it, or
    "all"; ports: first and last of the destination, or None for all of them. Of ICMP only type 3, which reports to a sender that
    its packets are too large.
    """

    name: str
    description: str
    direction: str
    protocol: str
    network: str
    ports: tuple[int, int] | None = None


@dataclass(frozen=True)
class SubnetSpec:
    """A subnet and the security group for what is in it.

    name: part of their names; label: for the console; is_public: addresses of the internet
    and its gateway, else NAT and the service gateway.
    """

    name: str
    label: str
    cidr: str
    is_public: bool
    rules: Sequence[SecurityRule]


@dataclass(frozen=True)
class NetworkSpec:
    """A VCN with its subnets; with `existing_subnet_id` (OCID) only the first one's security group, in the VCN of that subnet; without
    subnets nothing.
    """

    vcn_cidr: str
    subnets: Sequence[SubnetSpec]
    existing_subnet_id: str = ""


def ingress(name: str, description: str, network: str, *ports: int, protocol: str = TCP) -> SecurityRule:
    """What may come in from `network`. ports: one, or the first and the last; none means all."""
    return SecurityRule(name, description, "INGRESS", protocol, network, _range(ports))


def egress(name: str, description: str, network: str, *ports: int, protocol: str = TCP) -> SecurityRule:
    """What may go out to `network`, as in `ingress`."""
    return SecurityRule(name, description, "EGRESS", protocol, network, _range(ports))


def _range(ports: Sequence[int]) -> tuple[int, int] | None:
    return (ports[0], ports[-1]) if ports else None


def security_rules(ssh_networks: Sequence[str]) -> list[SecurityRule]:
    """SSH from the given networks, and the instance's own way out; nothing else."""
    return [
        *(ingress(f"ssh-from-{slug(network)}", f"SSH from {network}", network, 22) for network in ssh_networks),
        egress("egress", "The instance may reach everything", ANYWHERE, protocol=ALL_PROTOCOLS),
    ]


def slug(network: str) -> str:
    """A CIDR as part of a name."""
    return network.replace("/", "-")


def instance_network(
    vcn_cidr: str, subnet_cidr: str, ssh_networks: Sequence[str], existing_subnet_id: str = ""
) -> NetworkSpec:
    """The network of one instance: a public subnet, or an existing one."""
    subnet = SubnetSpec(INSTANCE, "public", subnet_cidr, is_public=True, rules=security_rules(ssh_networks))
    return NetworkSpec(vcn_cidr, [subnet], existing_subnet_id)
