"""Translates network policies to nftables text for the pods of a node.

Kubernetes' rules (source: Kubernetes documentation, "Network Policies"): a pod without a policy for a direction is open in that direction.
Several policies add up. Answers and the node's probes always pass. An unsupported policy blocks all traffic, and `Translation.problems`
explains why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sandbox.kubernetes.api import Json

_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}


@dataclass
class Translation:
    """text: for `nft -f`, replaces the previous rules in one step; problems: unsupported policies."""

    text: str = ""
    problems: list[str] = field(default_factory=list)


def translate(node: str, pods: Sequence[Json], namespaces: Sequence[Json], policies: Sequence[Json]) -> Translation:
    """Return the rules for the pods on `node`. pods: of all nodes, for the selectors."""
    return _Translator(pods, namespaces).translate(node, policies)


class _Translator:
    def __init__(self, pods: Sequence[Json], namespaces: Sequence[Json]) -> None:
        # Network policies do not apply to pods on the host's network.
        self._pods = [pod for pod in pods if pod["status"].get("podIP") and not pod["spec"].get("hostNetwork")]
        self._labels = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in namespaces}
        self._result = Translation()

    def translate(self, node: str, policies: Sequence[Json]) -> Translation:
        chains: list[str] = []
        jumps: dict[str, list[str]] = {"Ingress": [], "Egress": []}
        for index, pod in enumerate(self._pods):
            if pod["spec"].get("nodeName") != node:
                continue
            for direction, side in (("Ingress", "daddr"), ("Egress", "saddr")):
                selecting = [one for one in policies if self._selects(one, pod, direction)]
                if not selecting:
                    continue
                name = f"{direction.lower()}_{index}"
                rules = [rule for policy in selecting for rule in self._rules(policy, pod, direction)]
                chains.append(_chain(name, [*(f"{rule} return".strip() for rule in rules), "drop"]))
                jumps[direction].append(f"ip {side} {pod['status']['podIP']} jump {name}")
        chains += [_chain(direction.lower(), lines) for direction, lines in jumps.items()]
        chains += [_base("forward", ["jump egress", "jump ingress"]), _base("input", ["jump egress"])]
        # The first line creates the table if necessary, so that the second succeeds.
        head = "table ip network-policy\ndelete table ip network-policy\ntable ip network-policy {\n"
        self._result.text = head + "".join(chains) + "}\n"
        return self._result

    def _selects(self, policy: Json, pod: Json, direction: str) -> bool:
        spec = policy["spec"]
        kinds = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
        same = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
        return same and direction in kinds and _matches(spec.get("podSelector") or {}, _labels(pod))

    def _rules(self, policy: Json, pod: Json, direction: str) -> Iterator[str]:
        """Yield what the policy allows, as matches: "ip saddr 10.0.0.0/8 tcp dport 80"."""
        side = "saddr" if direction == "Ingress" else "daddr"
        try:
            found = []
            for rule in policy["spec"].get(direction.lower()) or []:
                peers = rule.get("from" if direction == "Ingress" else "to")
                networks = [""] if not peers else [self._network(one, policy, side) for one in peers]
                ports = [_port(one, pod, direction) for one in rule.get("ports") or []] or [""]
                found += [f"{network} {port}".strip() for network in networks if network is not None for port in ports]
            yield from found
        except (ValueError, KeyError) as error:
            meta = policy["metadata"]
            self._result.problems.append(
                f"network policy {meta['namespace']}/{meta['name']} is not supported by the sandbox: {error}"
            )

    def _network(self, peer: Json, policy: Json, side: str) -> str | None:
        """Return a match of the other side, or None if no pod is selected."""
        if block := peer.get("ipBlock"):
            words = [f"ip {side} {block['cidr']}"]
            if excepted := block.get("except"):
                words.append(f"ip {side} != {{ {', '.join(excepted)} }}")
            return " ".join(words)
        if unknown := peer.keys() - {"podSelector", "namespaceSelector"}:
            raise ValueError(f"a peer with {min(unknown)}")
        addresses = [
            pod["status"]["podIP"]
            for pod in self._pods
            if self._namespace_selected(peer, policy, pod) and _matches(peer.get("podSelector") or {}, _labels(pod))
        ]
        return f"ip {side} {{ {', '.join(sorted(set(addresses)))} }}" if addresses else None

    def _namespace_selected(self, peer: Json, policy: Json, pod: Json) -> bool:
        namespace = pod["metadata"]["namespace"]
        if "namespaceSelector" not in peer:
            return bool(namespace == policy["metadata"]["namespace"])
        return _matches(peer["namespaceSelector"] or {}, self._labels.get(namespace, {}))


def _port(port: Json, pod: Json, direction: str) -> str:
    protocol = _PROTOCOLS[port.get("protocol", "TCP")]
    number = port.get("port")
    if number is None:
        return f"meta l4proto {protocol}"
    if isinstance(number, str):
        if direction == "Egress":
            raise ValueError(f"a named port ({number}) of another pod")
        number = _named(number, pod)
    end = port.get("endPort")
    return f"{protocol} dport {number}-{end}" if end and end != number else f"{protocol} dport {number}"


def _named(name: str, pod: Json) -> int:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == name:
                return int(port["containerPort"])
    raise ValueError(f"no container has a port {name}")


def _labels(pod: Json) -> dict[str, str]:
    return pod["metadata"].get("labels") or {}


def _matches(selector: Json, labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(one, labels) for one in selector.get("matchExpressions") or [])


def _expression(one: Json, labels: dict[str, str]) -> bool:
    key, values = one["key"], one.get("values") or []
    match one["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise ValueError(f"the operator {other}")


def _base(hook: str, jumps: list[str]) -> str:
    return _chain(
        hook,
        [f"type filter hook {hook} priority filter; policy accept;", "ct state established,related accept", *jumps],
    )


def _chain(name: str, lines: Sequence[str]) -> str:
    return f"\tchain {name} {{\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}\n"
