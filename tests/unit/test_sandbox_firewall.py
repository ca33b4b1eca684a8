"""Security rules of machines as nftables rules."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import firewall
from sandbox.firewall import FirewallRule


def test_firewall_drops_other_traffic_in_both_directions() -> None:
    text = firewall.nftables([])
    assert text.count("\t\tdrop\n") == 2
    assert "hook prerouting" in text
    assert "hook postrouting" in text


def test_rule_names_network_protocol_and_ports() -> None:
    rules = [
        FirewallRule("INGRESS", "6", "203.0.113.7/32", (22, 22)),
        FirewallRule("INGRESS", "17", "10.0.0.0/8", (1000, 2000)),
        FirewallRule("EGRESS", "all", "0.0.0.0/0"),
    ]
    text = firewall.nftables(rules)
    assert "ip saddr 203.0.113.7/32 tcp dport 22 accept" in text
    assert "ip saddr 10.0.0.0/8 udp dport 1000-2000 accept" in text
    assert "ip daddr 0.0.0.0/0 accept" in text


def test_rule_without_ports_allows_the_whole_protocol() -> None:
    rules = [FirewallRule("INGRESS", "1", "10.0.0.0/8"), FirewallRule("INGRESS", "17", "fd00::/8")]
    text = firewall.nftables(rules)
    assert "ip saddr 10.0.0.0/8 meta l4proto icmp accept" in text
    assert "ip6 saddr fd00::/8 meta l4proto udp accept" in text


def test_firewall_always_allows_the_resolver() -> None:
    assert "udp dport 53 accept" in firewall.nftables([])


def test_new_machine_allows_all_egress_and_no_ingress() -> None:
    text = firewall.nftables([], egress=False)
    assert "postrouting" not in text
    assert text.count("\t\tdrop\n") == 1


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (("INGRESS", "6", "203.0.113.7/8", None), "203.0.113.7/8"),
        (("INGRESS", "58", "::/0", None), "protocol"),
        (("INGRESS", "1", "0.0.0.0/0", (1, 2)), "ports"),
        (("EGRESS", "6", "0.0.0.0/0", (9, 8)), "ports"),
        (("EGRESS", "6", "0.0.0.0/0", (0, 8)), "ports"),
    ],
)
def test_invalid_rules_are_refused(rule: tuple[Any, ...], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        FirewallRule(*rule)
