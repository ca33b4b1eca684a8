"""Policies on networks: who can connect."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, Stack, known
from specs.checks import WIDEST_PREFIX
from specs.load_balancer import INTERNAL

_RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
_DEFAULT_LIST = "oci:Core/defaultSecurityList:DefaultSecurityList"
_LISTS = ("oci:Core/securityList:SecurityList", _DEFAULT_LIST)
_VCN, _SUBNET = "oci:Core/vcn:Vcn", "oci:Core/subnet:Subnet"
# No single owner has a wider network.
_WIDEST_PREFIX = {4: WIDEST_PREFIX, 6: 16}


def is_anywhere(source: Any) -> bool:
    """Whether the source is the whole internet or nearly. Only a CIDR can be; an unknown value is not."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return False
    return network.prefixlen < _WIDEST_PREFIX[network.version]


def _is_path_discovery(rule: Mapping[str, Any]) -> bool:
    """Whether the rule admits only "packet too large". Routers anywhere send it, and it reaches no listening program (source: RFC 1191,
    RFC 8201; Oracle requires it for nodes, "Network Resource Configuration for Cluster Creation").
    """
    options = rule.get("icmpOptions")
    given = (rule.get("protocol"), options.get("type"), options.get("code")) if isinstance(options, Mapping) else ()
    return given in (("1", 3, 4), ("58", 2, 0))


def _open_sources(resource: Resource) -> Iterable[str]:
    if resource.type == _RULE:
        rules = [resource.inputs] if resource.at("direction") == "INGRESS" else []
    elif resource.type in _LISTS:
        rules = [rule for rule in known(resource.at("ingressSecurityRules")) if isinstance(rule, Mapping)]
    else:
        rules = []
    for rule in rules:
        from_network = rule.get("sourceType") in (None, "CIDR_BLOCK")
        if from_network and is_anywhere(rule.get("source")) and not _is_path_discovery(rule):
            yield str(rule["source"])


def ingress_from_anywhere(resource: Resource, _: Stack) -> Iterable[str]:
    """Rules of security groups and security lists that admit the whole internet."""
    for source in _open_sources(resource):
        yield f"{resource.name} admits the whole internet: its source is {source}."


def default_security_lists(resources: Sequence[Resource], _: Stack) -> Iterable[str]:
    """Subnets with the default security list of their VCN, unless the stack manages that list.

    Oracle creates the list with a rule that admits 22/tcp from anywhere (source: Oracle, "Security Lists", "Default Security List").
    """
    defaults = {one.urn: one.at("defaultSecurityListId") for one in resources if one.type == _VCN}
    # By the resource that a value comes from: a preview does not know the OCIDs of new resources.
    managed = {
        urn
        for one in resources
        if one.type == _DEFAULT_LIST
        for urn in one.property_dependencies.get("manageDefaultResourceId", ())
    }
    for subnet in resources:
        sources = subnet.property_dependencies
        # A subnet that the program only reads has no dependencies.
        if subnet.type == _SUBNET and "vcnId" in sources and managed.isdisjoint(sources["vcnId"]):
            lists = subnet.at("securityListIds") if "securityListIds" in sources else None
            of_vcn = not set(sources["vcnId"]).isdisjoint(sources.get("securityListIds", ()))
            if lists in (None, []) or of_vcn or any(defaults.get(vcn) in known(lists) for vcn in sources["vcnId"]):
                yield f"{subnet.name} uses its VCN's default security list, in which Oracle admits 22/tcp from anywhere."


_INTERNAL = {
    "lb": INTERNAL,
    "nlb": "oci-network-load-balancer.oraclecloud.com/internal",
}
_LOAD_BALANCERS = (
    "oci:LoadBalancer/loadBalancer:LoadBalancer",
    "oci:NetworkLoadBalancer/networkLoadBalancer:NetworkLoadBalancer",
)


def public_load_balancer(resource: Resource, _: Stack) -> Iterable[str]:
    """Load balancers with a public address: resources of their own, and those of Services in Kubernetes."""
    if resource.type in _LOAD_BALANCERS and resource.at("isPrivate") in (None, False, "false"):
        yield f"{resource.name} gets a public address: isPrivate is not true."
    if resource.type == "kubernetes:core/v1:Service" and resource.at("spec.type") == "LoadBalancer":
        annotations = resource.at("metadata.annotations")
        given = {} if annotations is None else annotations
        if isinstance(given, Mapping):
            # Upper or lower case (source: oci-cloud-controller-manager, load_balancer_spec.go, getLoadBalancerType).
            kind = str(given.get("oci.oraclecloud.com/load-balancer-type", "lb")).lower()
            name = _INTERNAL.get(kind, _INTERNAL["lb"])
            if given.get(name, "") in ("", "false", "False", "FALSE", "0", "f", "F"):
                yield f'{resource.name} gets a public address: its annotation {name} is not "true".'


POLICIES = (
    Policy(
        "no-ingress-from-anywhere",
        "No rule of a security group or security list admits the whole internet (0.0.0.0/0, ::/0, or nearly as wide), except ICMP "
        '"packet too large". No subnet uses the default security list of its VCN, in which Oracle admits 22/tcp from anywhere.',
        "Attackers find and try an open port within minutes.",
        "name the networks that need access, such as `pulumi config set --path 'sshNetworks[0]' 203.0.113.7/32` "
        "(apiNetworks, loadBalancerNetworks likewise). For a default security list, set security_list_ids on the subnet, or adopt and "
        "empty the list with oci.core.DefaultSecurityList(…, manage_default_resource_id=vcn.default_security_list_id).",
        check=ingress_from_anywhere,
        check_stack=default_security_lists,
    ),
    Policy(
        "no-public-load-balancer",
        "A load balancer has no public address, whether it belongs to a Service or is a resource of its own.",
        "Only people with a tunnel or inside the network should reach the app.",
        "`pulumi config set loadBalancerInternal true`; for a load balancer of its own, is_private=True.",
        check=public_load_balancer,
        may_be_excepted=True,
    ),
)
