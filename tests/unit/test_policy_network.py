"""Policies on networks and load balancers: what they accept and what they report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from policy import network
from policy.rule import UNKNOWN, Resource
from tests.unit.policy_resources import DEFAULT_LIST, RULE, SERVICE, resource, service, stack_violations, violations

INTERNAL = "service.beta.kubernetes.io/oci-load-balancer-internal"
INTERNAL_OF_NLB = "oci-network-load-balancer.oraclecloud.com/internal"


def ingress(source: Any, **rest: Any) -> dict[str, Any]:
    return {"direction": "INGRESS", "protocol": "6", "source": source, "sourceType": "CIDR_BLOCK", **rest}


NO_INGRESS, NO_PUBLIC_BALANCER = network.POLICIES


@pytest.mark.parametrize("source", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "0:0::/0", "1.2.3.4/0"])
def test_policy_reports_a_rule_that_admits_the_internet(source: str) -> None:
    for inputs in (ingress(source), {"direction": "INGRESS", "protocol": "all", "source": source}):
        assert source in violations(NO_INGRESS, RULE, inputs)[0]
    lists = {"ingressSecurityRules": [{"protocol": "6", "source": "10.0.0.0/8"}, {"protocol": "6", "source": source}]}
    assert len(violations(NO_INGRESS, DEFAULT_LIST, lists)) == 1


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (RULE, ingress("203.0.113.7/32")),
        (RULE, ingress("10.0.0.0/8")),
        (RULE, {"direction": "EGRESS", "protocol": "all", "destination": "0.0.0.0/0"}),
        (RULE, ingress("all-fra-services", sourceType="SERVICE_CIDR_BLOCK")),
        (RULE, ingress("ocid1.networksecuritygroup.x", sourceType="NETWORK_SECURITY_GROUP")),
        (RULE, ingress(UNKNOWN)),
        (RULE, ingress("0.0.0.0/0", protocol="1", icmpOptions={"type": 3, "code": 4})),
        (DEFAULT_LIST, {}),
        (DEFAULT_LIST, {"ingressSecurityRules": UNKNOWN}),
        (DEFAULT_LIST, {"egressSecurityRules": [{"protocol": "all", "destination": "0.0.0.0/0"}]}),
        ("oci:Core/vcn:Vcn", {"cidrBlocks": ["10.0.0.0/16"]}),
    ],
)
def test_policy_accepts_rules_for_known_networks_and_egress(kind: str, inputs: Mapping[str, Any]) -> None:
    assert not violations(NO_INGRESS, kind, inputs)


@pytest.mark.parametrize("options", [None, {"type": 3}, {"type": 8, "code": 4}])
def test_policy_accepts_no_other_icmp_from_anywhere(options: Any) -> None:
    assert violations(NO_INGRESS, RULE, ingress("0.0.0.0/0", protocol="1", icmpOptions=options))


VCN_ID, DEFAULT_ID = "ocid1.vcn.x", "ocid1.securitylist.default"


def vcn(default: Any = UNKNOWN) -> Resource:
    return Resource("oci:Core/vcn:Vcn", "vcn", {"defaultSecurityListId": default}, urn="urn:vcn")


def subnet(lists: Any = None, **dependencies: Sequence[str]) -> Resource:
    """A subnet in vcn() with these security lists. dependencies: property to URNs."""
    given = {"vcnId": ["urn:vcn"], **({} if lists is None else {"securityListIds": []}), **dependencies}
    inputs = {"vcnId": UNKNOWN, "securityListIds": lists}
    return Resource("oci:Core/subnet:Subnet", "one", inputs, urn="urn:subnet", property_dependencies=given)


def default_list(managed: Any = UNKNOWN, *urns: str) -> Resource:
    dependencies = {"manageDefaultResourceId": urns}
    return resource(DEFAULT_LIST, {"manageDefaultResourceId": managed}, property_dependencies=dependencies)


@pytest.mark.parametrize(
    "resources",
    [
        # In a preview.
        [vcn(), subnet()],
        [vcn(), subnet(), default_list(UNKNOWN, "urn:other")],
        [vcn(), subnet([UNKNOWN], securityListIds=["urn:vcn"])],
        [vcn(), subnet([])],
        # In an update.
        [vcn(DEFAULT_ID), replace(subnet(), inputs={"vcnId": VCN_ID, "securityListIds": [DEFAULT_ID]})],
        [vcn(DEFAULT_ID), subnet(["ocid1.securitylist.own", DEFAULT_ID])],
        [vcn(DEFAULT_ID), subnet(), default_list("ocid1.securitylist.of-another", "urn:other")],
        # In an existing VCN.
        [subnet(vcnId=[])],
    ],
)
def test_policy_reports_a_subnet_with_the_default_security_list(resources: Sequence[Resource]) -> None:
    [violation] = stack_violations(NO_INGRESS, *resources)
    assert violation.startswith("one uses its VCN's default security list")


@pytest.mark.parametrize(
    "resources",
    [
        [vcn(), subnet(), default_list(UNKNOWN, "urn:vcn")],
        [vcn(), subnet([UNKNOWN], securityListIds=["urn:own"])],
        [vcn(), subnet(UNKNOWN, securityListIds=["urn:own"])],
        [vcn(DEFAULT_ID), subnet(["ocid1.securitylist.own"])],
        [subnet(["ocid1.securitylist.own"], vcnId=[])],
        # No subnet, and one that the program only reads.
        [vcn()],
        [vcn(), replace(subnet(), property_dependencies={})],
    ],
)
def test_policy_accepts_a_subnet_with_managed_security_lists(resources: Sequence[Resource]) -> None:
    assert not stack_violations(NO_INGRESS, *resources)


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (SERVICE, {"metadata": {}, "spec": {"type": "LoadBalancer"}}),
        (SERVICE, service({INTERNAL: "false"})),
        (SERVICE, service({INTERNAL: ""})),
        (SERVICE, service({"oci.oraclecloud.com/load-balancer-type": "nlb", INTERNAL: "true"})),
        (SERVICE, service({"oci.oraclecloud.com/load-balancer-type": "NLB", INTERNAL: "true"})),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"shape": "flexible"}),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"isPrivate": False}),
        ("oci:NetworkLoadBalancer/networkLoadBalancer:NetworkLoadBalancer", {}),
    ],
)
def test_policy_reports_a_load_balancer_with_a_public_address(kind: str, inputs: Mapping[str, Any]) -> None:
    assert "public address" in violations(NO_PUBLIC_BALANCER, kind, inputs)[0]


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (SERVICE, service({INTERNAL: "true", "service.beta.kubernetes.io/oci-load-balancer-subnet1": UNKNOWN})),
        (SERVICE, service(UNKNOWN)),
        (SERVICE, service({"oci.oraclecloud.com/load-balancer-type": "NLB", INTERNAL_OF_NLB: "true"})),
        (SERVICE, {"spec": {"type": "ClusterIP"}}),
        (SERVICE, {"spec": {}}),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"isPrivate": True}),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"isPrivate": UNKNOWN}),
    ],
)
def test_policy_accepts_internal_load_balancers(kind: str, inputs: Mapping[str, Any]) -> None:
    assert not violations(NO_PUBLIC_BALANCER, kind, inputs)
