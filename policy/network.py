"""Who may come in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, Stack, known

_RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
_DEFAULT_LIST = "oci:Core/defaultSecurityList:DefaultSecurityList"
_LISTS = ("oci:Core/securityList:SecurityList", _DEFAULT_LIST)
_VCN, _SUBNET = "oci:Core/vcn:Vcn", "oci:Core/subnet:Subnet"
# A network wider than these is nobody's own.
_WIDEST_PREFIX = {4: 8, 6: 16}


def is_anywhere(source: Any) -> bool:
    """Is it the internet, or as good as that? Only a CIDR can be; what is not known yet is not."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return False
    return network.prefixlen < _WIDEST_PREFIX[network.version]


def _is_path_discovery(rule: Mapping[str, Any]) -> bool:
    """ "Packet too large", which routers anywhere have to be able to answer, and which reaches nothing that listens (source: RFC 1191, RFC
    8201; Oracle asks for it for nodes, "Network Resource Configuration for Cluster Creation").
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
    """Rules of security groups and security lists that let the whole internet in."""
    for source in _open_sources(resource):
        yield f"{resource.name} lets everybody in: its source is {source}."


def default_lists_as_made(resources: Sequence[Resource], _: Stack) -> Iterable[str]:
    """Subnets with the security list that Oracle makes with each VCN, which lets 22/tcp in from anywhere (source: Oracle, "Security Lists",
    "Default Security List"), unless the stack says what is in that list.
    """
    defaults = {one.urn: one.at("defaultSecurityListId") for one in resources if one.type == _VCN}
    # By what a value comes from: a preview does not know the OCIDs of what is yet to be made.
    taken_over = {
        urn
        for one in resources
        if one.type == _DEFAULT_LIST
        for urn in one.property_dependencies.get("manageDefaultResourceId", ())
    }
    for subnet in resources:
        sources = subnet.property_dependencies
        # The program gives none to a subnet that it only reads.
        if subnet.type == _SUBNET and "vcnId" in sources and taken_over.isdisjoint(sources["vcnId"]):
            lists = subnet.at("securityListIds") if "securityListIds" in sources else None
            of_vcn = not set(sources["vcnId"]).isdisjoint(sources.get("securityListIds", ()))
            if lists in (None, []) or of_vcn or any(defaults.get(vcn) in known(lists) for vcn in sources["vcnId"]):
                yield f"{subnet.name} takes its VCN's default security list, which lets everybody in at 22/tcp as Oracle makes it."


_INTERNAL = {
    "lb": "service.beta.kubernetes.io/oci-load-balancer-internal",
    "nlb": "oci-network-load-balancer.oraclecloud.com/internal",
}
_LOAD_BALANCERS = (
    "oci:LoadBalancer/loadBalancer:LoadBalancer",
    "oci:NetworkLoadBalancer/networkLoadBalancer:NetworkLoadBalancer",
)


def public_load_balancer(resource: Resource, _: Stack) -> Iterable[str]:
    """Load balancers with a public address: Oracle's own, and those that its cloud controller makes for Services."""
    if resource.type in _LOAD_BALANCERS and resource.at("isPrivate") in (None, False, "false"):
        yield f"{resource.name} gets a public address: isPrivate is not true."
    if resource.type == "kubernetes:core/v1:Service" and resource.at("spec.type") == "LoadBalancer":
        annotations = resource.at("metadata.annotations")
        given = {} if annotations is None else annotations
        if isinstance(given, Mapping):
            # In any case of letters (source: oci-cloud-controller-manager, load_balancer_spec.go, getLoadBalancerType).
            kind = str(given.get("oci.oraclecloud.com/load-balancer-type", "lb")).lower()
            name = _INTERNAL.get(kind, _INTERNAL["lb"])
            if given.get(name, "") in ("", "false", "False", "FALSE", "0", "f", "F"):
                yield f'{resource.name} gets a public address: its annotation {name} is not "true".'


POLICIES = (
    Policy(
        "no-ingress-from-anywhere",
        "No rule of a security group or security list lets in the whole internet (0.0.0.0/0, ::/0, or nearly as wide); "
        "ICMP's \"packet too large\" alone may come from anywhere. No subnet has its VCN's default security list as Oracle makes it, "
        "with 22/tcp from everywhere.",
        "Whatever answers there is found and tried within minutes.",
        "name the networks that need it, such as `pulumi config set --path 'sshNetworks[0]' 203.0.113.7/32` "
        "(apiNetworks, loadBalancerNetworks likewise). A VCN's default security list is taken over, and emptied, by "
        "oci.core.DefaultSecurityList(…, manage_default_resource_id=vcn.default_security_list_id), or the subnet has security_list_ids.",
        check=ingress_from_anywhere,
        check_stack=default_lists_as_made,
    ),
    Policy(
        "no-public-load-balancer",
        "A load balancer, of a Service or of its own, has no public address.",
        "The app is for those who have a tunnel or are in the network.",
        "`pulumi config set loadBalancerInternal true`; of a load balancer of its own, is_private=True.",
        check=public_load_balancer,
        may_be_excepted=True,
    ),
)
