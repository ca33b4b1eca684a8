"""Who may reach the instance: rules as data, each with the sentence that becomes its description in the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TCP = "6"
ALL_PROTOCOLS = "all"
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class SecurityRule:
    """One rule of a network security group.

    direction: "INGRESS" from, or "EGRESS" to, `network` (a CIDR); protocol: its number as OCI writes it, or "all";
    port: of the destination, or None for all of them.
    """

    name: str
    description: str
    direction: str
    protocol: str
    network: str
    port: int | None = None


def security_rules(ssh_networks: Sequence[str]) -> list[SecurityRule]:
    """SSH from the given networks, and the instance's own way out; nothing else."""
    ssh = [
        SecurityRule(f"ssh-from-{network.replace('/', '-')}", f"SSH from {network}", "INGRESS", TCP, network, 22)
        for network in ssh_networks
    ]
    return [*ssh, SecurityRule("egress", "The instance may reach everything", "EGRESS", ALL_PROTOCOLS, ANYWHERE)]
