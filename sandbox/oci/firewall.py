"""From security rules and routes to what a machine's firewall lets through.

The cloud lets a packet through when any rule of the VNIC's network security groups or of its subnet's security lists admits it (source:
OCI documentation, "Security Rules", "Comparison of Security Lists and Network Security Groups"), and when there is a way: from and to the
internet through an internet gateway only with a public address, out of a private subnet through a NAT gateway, to Oracle's services
through a service gateway. In the sandbox the machine's address on the sandbox's network plays the public one, and the registry's
address plays Oracle's services. Private addresses do not exist, so what only they could use is dropped.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from typing import Any, Literal

from sandbox import paths
from sandbox.machine import FirewallRule
from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.wire import Properties

Network = ipaddress.IPv4Network
_SERVICES = Network(f"{paths.REGISTRY_ADDRESS}/32")


@dataclass(frozen=True)
class Ways:
    """The networks which the instance can be reached from, and which it can reach."""

    inward: tuple[Network, ...] = ()
    outward: tuple[Network, ...] = ()


def sync(cloud: Cloud) -> None:
    """Give every running machine whose rules are others than before the new ones. Called in a transaction."""
    for record in cloud.all("instance"):
        if record.properties["state"] != "RUNNING":
            continue
        rules = compiled(security_rules(cloud, record), ways(cloud, record))
        wanted = [list(astuple(rule)) for rule in rules]
        if _as_stored(wanted) == record.private.get("firewall"):
            continue
        name = record.private["machine"]
        if cloud.claimed(record.id) or cloud.host.machines.inspect(name):
            cloud.host.machines.set_firewall(name, rules)
            cloud.put(record.with_private(firewall=_as_stored(wanted)))


def compiled(rules: Iterable[Properties], ways: Ways) -> list[FirewallRule]:
    """The firewall's rules for these security rules, each cut down to where there is a way."""
    found = []
    for rule in rules:
        inward = rule["direction"] == "INGRESS"
        far = _network(
            rule["source" if inward else "destination"],
            rule.get("sourceType" if inward else "destinationType"),
        )
        # An error about a connection (ICMP type 3) comes with the connection: nothing has to admit it.
        if far is None or rule.get("icmpOptions"):
            continue
        for network in ways.inward if inward else ways.outward:
            cut = _intersection(far, network)
            if cut:
                found.append(FirewallRule(rule["direction"], rule["protocol"], str(cut), _ports(rule)))
    return sorted(set(found), key=lambda rule: (rule.direction, rule.protocol, rule.network, rule.ports or (0, 0)))


def security_rules(cloud: Cloud, instance: Record) -> list[Properties]:
    """The rules for this instance, all in the form of a network security group's."""
    groups = instance.properties["createVnicDetails"].get("nsgIds", [])
    rules = [
        rule.properties for rule in cloud.all("securityrule") if rule.properties["networkSecurityGroupId"] in groups
    ]
    subnet = cloud.get("subnet", instance.properties["subnetId"])
    for id in subnet.properties["securityListIds"] if subnet else []:
        if found := cloud.get("securitylist", id):
            rules += [_as_group_rule("INGRESS", rule) for rule in found.properties.get("ingressSecurityRules", [])]
            rules += [_as_group_rule("EGRESS", rule) for rule in found.properties.get("egressSecurityRules", [])]
    return rules


def ways(cloud: Cloud, instance: Record) -> Ways:
    """Where packets can go, by the route table of the instance's subnet."""
    subnet = cloud.get("subnet", instance.properties["subnetId"])
    table = cloud.get("routetable", subnet.properties["routeTableId"]) if subnet else None
    if not subnet or not table:
        return Ways()
    public = bool(instance.properties.get("publicIp"))
    inward: list[Network] = []
    outward: list[Network] = []
    for rule in table.properties.get("routeRules", []):
        far = _network(rule["destination"], rule.get("destinationType"))
        entity = rule["networkEntityId"]
        if far is None:
            continue
        if (gateway := cloud.get("internetgateway", entity)) and gateway.properties["enabled"] and public:
            outward.append(far)
            if not subnet.properties["prohibitInternetIngress"]:
                inward.append(far)
        elif (gateway := cloud.get("natgateway", entity)) and not gateway.properties["blockTraffic"]:
            outward.append(far)
        elif cloud.get("servicegateway", entity):
            outward.append(_SERVICES)
    return Ways(tuple(inward), tuple(outward))


def _as_group_rule(direction: Literal["INGRESS", "EGRESS"], rule: Properties) -> Properties:
    """A rule of a security list: its destination ports are the options' own min and max."""
    options = {
        name: {"destinationPortRange": {"min": rule[name]["min"], "max": rule[name]["max"]}}
        for name in ("tcpOptions", "udpOptions")
        if rule.get(name)
    }
    return {**rule, "direction": direction, **options}


def _ports(rule: Properties) -> tuple[int, int] | None:
    for name, protocol in (("tcpOptions", "6"), ("udpOptions", "17")):
        if rule["protocol"] == protocol and (ports := (rule.get(name) or {}).get("destinationPortRange")):
            return int(ports["min"]), int(ports["max"])
    return None


def _network(far: str, kind: str | None) -> Network | None:
    match kind or "CIDR_BLOCK":
        case "CIDR_BLOCK":
            return Network(far)
        case "SERVICE_CIDR_BLOCK":
            return _SERVICES
    return None


def _intersection(one: Network, other: Network) -> Network | None:
    if one.subnet_of(other):
        return one
    return other if other.subnet_of(one) else None


def _as_stored(value: Any) -> Any:
    """As it reads after a round through JSON."""
    return [_as_stored(item) for item in value] if isinstance(value, list | tuple | Iterator) else value
