"""Network policies of the sandbox's nodes as nftables rules."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kubernetes import network_policy

NODE = "10.189.0.11"


def pod(name: str, address: str, node: str = NODE, namespace: str = "apps", **labels: str) -> dict[str, Any]:
    ports = [{"name": "http", "containerPort": 8888}]
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name, **labels}},
        "spec": {"nodeName": node, "containers": [{"ports": ports}]},
        "status": {"podIP": address},
    }


APP, OTHER = pod("app", "10.244.0.2"), pod("other", "10.244.1.3", node="10.189.0.12", namespace="else")
NAMESPACES = [{"metadata": {"name": name, "labels": {"name": name}}} for name in ("apps", "else")]


def policy(**spec: Any) -> dict[str, Any]:
    selector = {"podSelector": {"matchLabels": {"app": "app"}}}
    return {"metadata": {"name": "app", "namespace": "apps"}, "spec": {**selector, **spec}}


def rules(*policies: dict[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the lines of each chain, and the problems."""
    found = network_policy.translate(NODE, [APP, OTHER], NAMESPACES, policies)
    chains: dict[str, list[str]] = {}
    for part in found.text.split("\tchain ")[1:]:
        name, _, body = part.partition(" {\n")
        chains[name] = [line.strip() for line in body.splitlines() if line.startswith("\t\t")]
    return chains, found.problems


def test_pod_without_policy_is_open() -> None:
    chains, _ = rules()
    assert chains["ingress"] == chains["egress"] == []


def test_policy_allows_a_named_port_only() -> None:
    chains, problems = rules(
        policy(policyTypes=["Ingress"], ingress=[{"ports": [{"port": "http", "protocol": "TCP"}]}])
    )
    assert chains["ingress"] == ["ip daddr 10.244.0.2 jump ingress_0"]
    assert chains["ingress_0"] == ["tcp dport 8888 return", "drop"]
    assert chains["egress"] == []
    assert problems == []


def test_policy_blocks_the_metadata_service() -> None:
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}}
    chains, _ = rules(policy(policyTypes=["Egress"], egress=[{"to": [block]}]))
    assert chains["egress_0"] == ["ip daddr 0.0.0.0/0 ip daddr != { 169.254.169.254/32 } return", "drop"]
    assert "jump egress" in chains["input"]
    assert "jump egress" in chains["forward"]


def test_policy_selects_pods_by_label_and_namespace() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"name": "else"}}, "podSelector": {"matchLabels": {"app": "other"}}}
    chains, _ = rules(policy(ingress=[{"from": [peer]}]))
    assert chains["ingress_0"] == ["ip saddr { 10.244.1.3 } return", "drop"]
    # Without a namespace selector, only its own namespace counts, which has no such pod.
    chains, _ = rules(policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]))
    assert chains["ingress_0"] == ["drop"]


def test_policy_without_rules_blocks_all_traffic() -> None:
    chains, _ = rules(policy(policyTypes=["Ingress", "Egress"]))
    assert chains["ingress_0"] == chains["egress_0"] == ["drop"]


def test_policies_add_up() -> None:
    one, other = ({"ports": [{"port": port}]} for port in (80, 443))
    chains, _ = rules(policy(ingress=[one]), policy(ingress=[other]))
    assert chains["ingress_0"] == ["tcp dport 80 return", "tcp dport 443 return", "drop"]


@pytest.mark.parametrize(
    "spec",
    [
        {"ingress": [{"ports": [{"port": "nowhere"}]}]},
        {"ingress": [{"from": [{"serviceSelector": {}}]}]},
        {"egress": [{"ports": [{"port": "http"}]}], "policyTypes": ["Egress"]},
    ],
)
def test_unsupported_policy_blocks_all_traffic_and_is_reported(spec: dict[str, Any]) -> None:
    chains, problems = rules(policy(**spec))
    assert ["drop"] in (chains.get("ingress_0"), chains.get("egress_0"))
    assert "apps/app is not supported" in problems[0]


def test_node_ignores_pods_of_other_nodes() -> None:
    found = network_policy.translate("10.189.0.12", [APP, OTHER], NAMESPACES, [policy(ingress=[])])
    assert "jump ingress_" not in found.text
