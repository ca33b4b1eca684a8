"""Annotations of Services in the sandbox: it reads those of the reference article and refuses unsupported ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.kubernetes import haproxy, service_annotations
from sandbox.kubernetes.service_annotations import BALANCER, ORACLE, RefusedError

ARTICLE = {
    f"{ORACLE}load-balancer-type": "lb",
    f"{BALANCER}internal": "true",
    f"{BALANCER}shape": "flexible",
    f"{BALANCER}shape-flex-min": "10",
    f"{BALANCER}shape-flex-max": "10",
    f"{BALANCER}security-list-management-mode": "None",
    f"{BALANCER}subnet1": "ocid1.subnet.oc1..a",
}


def service(changes: Mapping[str, str | None], spec: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a Service with the article's annotations and these changes; None removes one."""
    annotations = {name: value for name, value in {**ARTICLE, **changes}.items() if value is not None}
    ports = [{"port": 443, "nodePort": 30001, "protocol": "TCP"}]
    return {
        "metadata": {"name": "app", "namespace": "apps", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "ports": ports, **(spec or {})},
    }


def test_annotations_of_the_article_give_an_internal_flexible_load_balancer() -> None:
    wanted = service_annotations.wanted(service({}))
    assert wanted.internal
    assert wanted.bandwidth == (10, 10)
    assert wanted.subnet == "ocid1.subnet.oc1..a"
    assert (wanted.protocol, wanted.idle) == ("TCP", 300)
    assert wanted.ports == ((443, 30001),)
    assert wanted.secret is None


def test_load_balancer_is_public_by_default() -> None:
    assert not service_annotations.wanted(service({f"{BALANCER}internal": None})).internal


def test_tls_groups_and_idle_timeout_are_read() -> None:
    wanted = service_annotations.wanted(
        service(
            {
                f"{BALANCER}ssl-ports": "443",
                f"{BALANCER}tls-secret": "certificate",
                f"{BALANCER}connection-idle-timeout": "1200",
                f"{ORACLE}oci-network-security-groups": "ocid1.a, ocid1.b,ocid1.a",
            }
        )
    )
    assert wanted.secret == ("apps", "certificate")
    assert wanted.ssl_ports == (443,)
    assert wanted.idle == 1200
    assert wanted.groups == ("ocid1.a", "ocid1.b")


def test_other_annotations_are_ignored() -> None:
    assert service_annotations.wanted(service({"example.com/team": "data"})).internal


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({f"{BALANCER}interna": "true"}, "unknown to Oracle"),
        ({f"{ORACLE}loadbalancer-typ": "lb"}, "unknown to Oracle"),
        ({f"{BALANCER}subnet2": "ocid1.subnet.oc1..b"}, "not supported by the sandbox"),
        ({f"{ORACLE}load-balancer-type": "nlb"}, "not supported by the sandbox"),
        ({f"{BALANCER}internal": "yes"}, "invalid value: yes"),
        ({f"{BALANCER}shape": "100Mbps"}, 'only "flexible"'),
        ({f"{BALANCER}shape": None}, 'only "flexible"'),
        ({f"{BALANCER}shape-flex-min": None}, "requires .*shape-flex-min"),
        ({f"{BALANCER}shape-flex-max": None}, "requires .*shape-flex-max"),
        ({f"{BALANCER}shape-flex-min": "9"}, "from 10 to 8192"),
        ({f"{BALANCER}shape-flex-max": "8193"}, "from 10 to 8192"),
        ({f"{BALANCER}shape-flex-min": "20"}, "is below"),
        ({f"{BALANCER}shape-flex-min": "10Mbps"}, "from 10 to 8192"),
        ({f"{BALANCER}security-list-management-mode": "none"}, "changes no security rules"),
        ({f"{BALANCER}security-list-management-mode": None}, "is missing"),
        ({f"{ORACLE}security-rule-management-mode": "NSG"}, "changes no security rules"),
        ({f"{ORACLE}oci-network-security-groups": "a,b,c,d,e,f"}, "Max: 5"),
        ({f"{ORACLE}oci-network-security-groups": "a,,b"}, "invalid NetworkSecurityGroups"),
        ({f"{BALANCER}ssl-ports": "443"}, "must name a secret"),
        ({f"{BALANCER}tls-secret": "x"}, "no effect without"),
        ({f"{BALANCER}ssl-ports": "https", f"{BALANCER}tls-secret": "x"}, "not a list of ports"),
        ({f"{BALANCER}ssl-ports": "8443", f"{BALANCER}tls-secret": "x"}, "not a port of the Service"),
        ({f"{BALANCER}connection-idle-timeout": "0"}, "from 1 to 7200"),
        ({f"{BALANCER}backend-protocol": "http"}, "is not one of TCP, HTTP"),
    ],
)
def test_unsupported_annotations_are_refused(changes: dict[str, str | None], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        service_annotations.wanted(service(changes))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"sessionAffinity": "ClientIP"}, "SessionAffinity"),
        ({"ports": [{"port": 53, "protocol": "UDP"}]}, "UDP"),
        ({"externalTrafficPolicy": "Local"}, "externalTrafficPolicy"),
        ({"loadBalancerSourceRanges": ["10.0.0.0/8"]}, "security group"),
        ({"loadBalancerIP": "203.0.113.1"}, "reserved addresses"),
    ],
)
def test_unsupported_services_are_refused(spec: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        service_annotations.wanted(service({}, spec))


def test_listeners_reach_and_check_every_node() -> None:
    one = haproxy.Listener("a", "10.189.0.20", 443, "TCP", 300, None, ("10.189.0.11", "10.189.0.12"), 30001)
    text = haproxy.configuration([one])
    assert "bind 10.189.0.20:443\n" in text
    assert "timeout tunnel 300s" in text
    for node in one.backends:
        assert f"server {node} {node}:30001 check port 10256" in text
