"""The security rules of a machine as nftables text.

Like the cloud's rules, they apply before the machine's own nftables and podman rules: at the mangle priority, before DNAT to published
ports (source of the priorities: nft(8)).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp"}


@dataclass(frozen=True)
class FirewallRule:
    """One kind of allowed traffic, as in a network security group.

    protocol: the number of the IP protocol, or "all"; network: CIDR of the other side; ports: first and last destination port, None for
    all. Raises ValueError for an invalid network or invalid ports.
    """

    direction: Literal["INGRESS", "EGRESS"]
    protocol: Literal["6", "17", "1", "all"]
    network: str
    ports: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        ipaddress.ip_network(self.network)
        if self.protocol not in (*_PROTOCOLS, "all"):
            raise ValueError(f"protocol: {self.protocol!r} is none of {', '.join(_PROTOCOLS)} and all")
        if self.ports and (self.protocol not in ("6", "17") or not 1 <= self.ports[0] <= self.ports[1] <= 65535):
            raise ValueError(f"ports: {self.ports} of protocol {self.protocol!r} are no ports")


def _match(rule: FirewallRule) -> str:
    network = ipaddress.ip_network(rule.network)
    side = "saddr" if rule.direction == "INGRESS" else "daddr"
    words = [f"ip{'6' if network.version == 6 else ''} {side} {network}"]
    if rule.protocol != "all":
        name = _PROTOCOLS[rule.protocol]
        # Older nft refuses a range of one port.
        ports = "-".join(map(str, sorted(set(rule.ports or ()))))
        words.append(f"{name} dport {ports}" if ports else f"meta l4proto {name}")
    return " ".join(words) + " accept"


def nftables(rules: Sequence[FirewallRule], *, egress: bool = True) -> str:
    """Return rules for `nft -f` that replace the previous ones in one step. Without `egress`, all egress is allowed.

    Other traffic is dropped, except answers to allowed traffic: the cloud's rules are stateful. The resolver is always reachable, as in
    the cloud (source: OCI documentation, "Security Rules").
    """
    ingress = [_match(rule) for rule in rules if rule.direction == "INGRESS"]
    leaving = [_match(rule) for rule in rules if rule.direction == "EGRESS"]
    resolver = ["udp dport 53 accept", "tcp dport 53 accept"]
    chains = [_chain("ingress", "prerouting", "iifname", ingress)]
    if egress:
        chains.append(_chain("egress", "postrouting", "oifname", resolver + leaving))
    # The first line creates the table if necessary, so that the second succeeds.
    return "table inet nsg\ndelete table inet nsg\ntable inet nsg {\n" + "".join(chains) + "}\n"


def _chain(name: str, hook: str, interface: str, accepts: Sequence[str]) -> str:
    lines = [
        f"type filter hook {hook} priority mangle; policy accept;",
        f'{interface} != "eth0" accept',
        "ct state established,related accept",
        *accepts,
        "drop",
    ]
    return f"\tchain {name} {{\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}\n"
