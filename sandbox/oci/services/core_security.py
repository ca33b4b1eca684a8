"""Core services, networking: security lists, network security groups and their rules.

Inputs as in core_security_list_resource.go, core_security_list_default_resource.go, core_network_security_group_resource.go and
core_network_security_group_security_rule_resource.go. They are enforced on the machines (firewall.py); what the machines' firewall
cannot enforce is refused: stateless rules, source ports, single ICMP types, other protocols than TCP, UDP and ICMP.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import override

from sandbox.oci import checks, firewall
from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.declare import KEEP, REPLACE, SET, TAGS, UPDATE, Check, How, Inputs, Reference, Table
from sandbox.oci.errors import Problem
from sandbox.oci.resource import Resource
from sandbox.oci.services.core_network import IN_VCN
from sandbox.oci.services.core_routing import SERVICES
from sandbox.oci.services.defaults import Default, taken_over
from sandbox.oci.wire import UNKNOWN, Properties

_PROTOCOLS = ("all", "6", "17", "1")
_OPTIONS = {"tcpOptions": "6", "udpOptions": "17", "icmpOptions": "1"}
_TYPES = ("CIDR_BLOCK", "SERVICE_CIDR_BLOCK", "NETWORK_SECURITY_GROUP")


def _stateful(value: Any) -> str | None:
    return "must be false: stateless rules are not supported by the sandbox's Oracle Cloud" if value else None


def _icmp_type(value: Any) -> str | None:
    # Type 3 belongs to a connection and passes with it.
    return (
        None
        if value == 3
        else "must be 3: other single ICMP types are not supported by the sandbox's Oracle Cloud; leave icmpOptions out"
    )


def _rule_inputs(prefix: str, far: str, ports: str) -> Mapping[str, How]:
    """The inputs of a rule. far: source or destination; ports: what the destination ports are under in tcpOptions."""
    bounds = {
        f"{prefix}{options}.{ports}{bound}": UPDATE
        for options in ("tcpOptions", "udpOptions")
        for bound in ("min", "max")
    }
    parts = {f"{prefix}protocol": UPDATE, f"{prefix}description": KEEP, f"{prefix}stateless": KEEP}
    icmp = {f"{prefix}icmpOptions.type": UPDATE, f"{prefix}icmpOptions.code": UPDATE}
    return {**parts, **bounds, **icmp, f"{prefix}{far}": UPDATE, f"{prefix}{far}Type": KEEP}


def _rule_checks(prefix: str, ports: str, *far: str) -> Mapping[str, Check]:
    bounds = [
        f"{prefix}{options}.{ports}{bound}" for options in ("tcpOptions", "udpOptions") for bound in ("min", "max")
    ]
    return {
        **dict.fromkeys(bounds, checks.port),
        **{f"{prefix}{end}Type": checks.one_of(*_TYPES) for end in far},
        f"{prefix}protocol": checks.one_of(*_PROTOCOLS),
        f"{prefix}stateless": _stateful,
        f"{prefix}icmpOptions.type": _icmp_type,
    }


def _rule_problems(rule: Properties, far: str, place: str) -> Iterator[Problem]:
    """What is wrong between the members of one rule. far: source or destination."""
    prefix = f"{place}." if place else ""
    if far not in rule:
        yield Problem(f"{prefix}{far}", "is required and missing")
    elif UNKNOWN not in (rule[far], rule.get(f"{far}Type")) and (
        reason := _far_end(rule[far], rule.get(f"{far}Type", "CIDR_BLOCK"))
    ):
        yield Problem(f"{prefix}{far}", reason)
    for options, protocol in _OPTIONS.items():
        if options in rule and rule["protocol"] not in (UNKNOWN, protocol):
            yield Problem(f"{prefix}{options}", f'cannot be set for this protocol, only for "{protocol}"')
    for options in ("tcpOptions", "udpOptions"):
        ports = rule.get(options, {})
        if ports is UNKNOWN or UNKNOWN in ports.values():
            continue
        bounds = ports.get("destinationPortRange", ports)
        if bounds is UNKNOWN or UNKNOWN in bounds.values():
            continue
        if ("min" in bounds) != ("max" in bounds) or bounds.get("min", 0) > bounds.get("max", 0):
            yield Problem(f"{prefix}{options}", "must have min and max, min not above max")


def _far_end(value: str, kind: str) -> str | None:
    match kind:
        case "CIDR_BLOCK":
            return checks.network(32, 0)(value)
        case "SERVICE_CIDR_BLOCK":
            return checks.one_of(*(service["cidrBlock"] for service in SERVICES))(value)
    return None


class SecurityList(Resource):
    """A security list; its rules hold for all VNICs of the subnets that use it."""

    type = "oci:Core/securityList:SecurityList"
    kind = "securitylist"
    title = "SecurityList"
    inputs = Inputs(
        {
            **TAGS,
            "compartmentId": UPDATE,
            "vcnId": REPLACE,
            "displayName": KEEP,
            "ingressSecurityRules": SET,
            **_rule_inputs("ingressSecurityRules.", "source", ""),
            "egressSecurityRules": SET,
            **_rule_inputs("egressSecurityRules.", "destination", ""),
        }
    )
    defaults = Table({"ingressSecurityRules.stateless": False})
    checks = Table(
        {
            **_rule_checks("ingressSecurityRules.", "", "source"),
            **_rule_checks("egressSecurityRules.", "", "destination"),
        }
    )
    references = Table({"vcnId": IN_VCN})

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        for name, far in (("ingressSecurityRules", "source"), ("egressSecurityRules", "destination")):
            rules = inputs.get(name, [])
            for index, rule in enumerate(rules if rules is not UNKNOWN else []):
                if rule is UNKNOWN:
                    continue
                yield from _rule_problems(rule, far, f"{name}[{index}]")
                if rule.get(f"{far}Type") == "NETWORK_SECURITY_GROUP":
                    yield Problem(
                        f"{name}[{index}].{far}Type",
                        "must be CIDR_BLOCK or SERVICE_CIDR_BLOCK in a security list",
                    )

    @override
    def derived(self, properties: Properties) -> Properties:
        for name, far in (("ingressSecurityRules", "source"), ("egressSecurityRules", "destination")):
            rules = properties.get(name, [])
            if rules is not UNKNOWN and UNKNOWN not in rules:
                filled = [{"description": "", "stateless": False, f"{far}Type": "CIDR_BLOCK", **rule} for rule in rules]
                properties = {**properties, name: filled}
        return properties

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        firewall.sync(cloud)


class DefaultSecurityList(Default, SecurityList):
    """A VCN's own security list, taken over."""

    type = "oci:Core/defaultSecurityList:DefaultSecurityList"
    inputs = taken_over(SecurityList.inputs)
    emptied = Table({"ingressSecurityRules": [], "egressSecurityRules": []})


class NetworkSecurityGroup(Resource):
    """A group of VNICs. Its rules go with it."""

    type = "oci:Core/networkSecurityGroup:NetworkSecurityGroup"
    kind = "networksecuritygroup"
    title = "NetworkSecurityGroup"
    inputs = Inputs({**TAGS, "compartmentId": UPDATE, "vcnId": REPLACE, "displayName": KEEP})
    checks = Table({"displayName": checks.display_name})
    references = Table({"vcnId": IN_VCN})


class NetworkSecurityGroupSecurityRule(Resource):
    """One rule of a group."""

    type = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
    kind = "securityrule"
    title = "SecurityRule"
    inputs = Inputs(
        {
            "networkSecurityGroupId": REPLACE,
            "direction": UPDATE,
            **_rule_inputs("", "source", "destinationPortRange."),
            "destination": KEEP,
            "destinationType": KEEP,
        }
    )
    checks = Table(
        {
            **_rule_checks("", "destinationPortRange.", "source", "destination"),
            "direction": checks.one_of("INGRESS", "EGRESS"),
        }
    )
    references = Table({"networkSecurityGroupId": Reference(("networksecuritygroup",), blocks=False)})

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        if inputs["direction"] is UNKNOWN:
            return
        far, near = ("source", "destination") if inputs["direction"] == "INGRESS" else ("destination", "source")
        yield from _rule_problems(inputs, far, "")
        if inputs.get(near):
            yield Problem(near, f"cannot be set for direction {inputs['direction']}")

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        far = "source" if inputs["direction"] == "INGRESS" else "destination"
        return {"description": "", "stateless": False, f"{far}Type": "CIDR_BLOCK", "isValid": True}

    @override
    def draft(self, cloud: Cloud, id: str, inputs: Properties) -> Record:
        return replace(super().draft(cloud, id, inputs), owner=inputs["networkSecurityGroupId"])

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        firewall.sync(cloud)

    @override
    def new_id(self, inputs: Properties) -> str:
        # source: OCI API, SecurityRule.id: an identifier such as `04ABEC`, no OCID.
        return secrets.token_hex(3).upper()


RESOURCES: tuple[Resource, ...] = (SecurityList(), NetworkSecurityGroup(), NetworkSecurityGroupSecurityRule())
TAKEN_OVER: tuple[Resource, ...] = (DefaultSecurityList(),)
