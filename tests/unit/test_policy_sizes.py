"""The policy on Always Free sizes: what it accepts and what it reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from policy import sizes
from policy.rule import UNKNOWN, Resource
from tests.unit.policy_resources import CLAIM, INSTANCE, POOL, SERVICE, SHAPE, STACK, VOLUME, resource, service


def instance(ocpus: Any = 2, memory: Any = 12, boot: Any = "50", shape: Any = "VM.Standard.A1.Flex") -> Resource:
    config = {"ocpus": ocpus, "memoryInGbs": memory}
    return resource(INSTANCE, {"shape": shape, "shapeConfig": config, "sourceDetails": {"bootVolumeSizeInGbs": boot}})


def pool(size: Any, ocpus: Any = 2, memory: Any = 12) -> Resource:
    config = {"ocpus": ocpus, "memoryInGbs": memory}
    inputs = {"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": config, "nodeConfigDetails": {"size": size}}
    return resource(POOL, {**inputs, "nodeSourceDetails": {"bootVolumeSizeInGbs": "50"}})


def volume(size: Any) -> Resource:
    return resource(VOLUME, {"sizeInGbs": size})


def claim(size: str) -> Resource:
    return resource(CLAIM, {"spec": {"resources": {"requests": {"storage": size}}}})


def balancer(most: str, shape: str = "flexible") -> Resource:
    return resource(SERVICE, service({SHAPE: shape, f"{SHAPE}-flex-max": most}))


@pytest.mark.parametrize(
    "resources",
    [
        [instance(), volume("50")],
        [instance(boot="100"), volume("100")],
        [pool(1), claim("50Gi"), balancer("10")],
        [instance(1, 6), Resource(INSTANCE, "two", instance(1, 6).inputs)],
        [instance(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN), volume(UNKNOWN), pool(UNKNOWN)],
        [resource(SERVICE, service(UNKNOWN))],
        [resource("oci:ContainerEngine/cluster:Cluster", {"type": "BASIC_CLUSTER"})],
    ],
)
def test_policy_accepts_what_always_free_covers(resources: Sequence[Resource]) -> None:
    assert not list(sizes.beyond_always_free(resources, STACK))


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([instance(3)], "3 OCPU of VM.Standard.A1.Flex (one 3); Always Free covers 2"),
        ([instance(memory=24)], "24 GB of memory"),
        ([pool(2)], "4 OCPU"),
        ([instance(), Resource(INSTANCE, "two", instance().inputs)], "(one 2, two 2)"),
        ([instance(boot="101"), Resource(VOLUME, "two", {"sizeInGbs": "100"})], "201 GB of boot and data volumes"),
        ([volume(None)], "1024 GB"),
        ([claim("300Gi")], "300 GB"),
        ([claim("1Ti")], "1024 GB"),
        ([claim("1Pi")], "1.04858e+06 GB"),
        ([balancer("20")], "20 Mbps"),
        ([balancer("10", "100Mbps")], "shape 100Mbps"),
        ([balancer("10"), Resource(SERVICE, "two", balancer("10").inputs)], "2 load balancers"),
        ([resource("oci:LoadBalancer/loadBalancer:LoadBalancer", {"shape": "400Mbps"})], "shape 400Mbps"),
        ([instance(shape="VM.Standard.E5.Flex")], "shape VM.Standard.E5.Flex"),
        ([resource("oci:ContainerEngine/cluster:Cluster", {"type": "ENHANCED_CLUSTER"})], "ENHANCED_CLUSTER"),
    ],
)
def test_policy_reports_what_costs_money_with_its_parts(resources: Sequence[Resource], words: str) -> None:
    assert words in "\n".join(sizes.beyond_always_free(resources, STACK))


def test_policy_counts_all_resources_of_one_name() -> None:
    both = [volume("100"), Resource(CLAIM, "one", claim("150Gi").inputs)]
    assert "250 GB" in "\n".join(sizes.beyond_always_free(both, STACK))
