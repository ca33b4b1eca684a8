"""Policies on machines, data, tags and images: what they accept and what they report."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pulumi_oci as oci
import pytest

from policy import compute, data, images, pack, tags
from policy.rule import UNKNOWN, Policy, SecretText
from sandbox.oci import sdk as oci_sdk
from specs import kubernetes
from tests.unit.kubernetes_values import APP
from tests.unit.policy_resources import CLAIM, COMMAND, DEPLOYMENT, INSTANCE, POOL, RULE, VOLUME, violations

CONTAINER_INSTANCE = "oci:ContainerEngine/containerInstance:ContainerInstance"
DIGEST = f"@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("kind", "inputs", "accepted"),
    [
        (INSTANCE, {}, False),
        (INSTANCE, {"instanceOptions": {"areLegacyImdsEndpointsDisabled": False}}, False),
        (INSTANCE, {"instanceOptions": {"areLegacyImdsEndpointsDisabled": True}}, True),
        (INSTANCE, {"instanceOptions": UNKNOWN}, True),
        (POOL, {"nodeMetadata": {"user_data": "x"}}, False),
        (POOL, {"nodeMetadata": {"areLegacyImdsEndpointsDisabled": "true"}}, True),
        (VOLUME, {}, True),
    ],
)
def test_policy_requires_metadata_service_version_2(kind: str, inputs: Mapping[str, Any], accepted: bool) -> None:
    [policy] = compute.POLICIES
    assert (not violations(policy, kind, inputs)) == accepted


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "accepted"),
    [
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {}, True),
        (VOLUME, {}, {"protect": True}, True),
        (VOLUME, {}, {}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "delete"}}, {}, False),
        # The tag of another stack.
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ("freeformTags",)}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ('freeformTags["on-destroy"]',)}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ("*",)}, False),
        (VOLUME, {}, {"ignored": ("freeformTags",)}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ("displayName", "freeformTags.team")}, True),
        (VOLUME, {}, {"ignored": ("freeformTags",), "protect": True}, True),
        (CLAIM, {"metadata": {"labels": {"on-destroy": "keep"}}}, {}, True),
        (CLAIM, {"metadata": {"labels": {"on-destroy": "delete"}}}, {}, False),
        (CLAIM, {"metadata": {"name": "data"}}, {}, False),
        ("kubernetes:core/v1:Namespace", {"metadata": {"labels": {}}}, {}, False),
        ("kubernetes:core/v1:Secret", {}, {}, True),
    ],
)
def test_policy_requires_that_data_is_kept(kind: str, inputs: Mapping[str, Any], options: Any, accepted: bool) -> None:
    [policy] = data.POLICIES
    assert (not violations(policy, kind, inputs, **options)) == accepted


OURS = {"project": "containerised-app", "stack": "dev", "managed-by": "pulumi"}


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "accepted"),
    [
        ("oci:Core/vcn:Vcn", {"freeformTags": {**OURS, "team": "data"}}, {}, True),
        ("oci:Core/vcn:Vcn", {"freeformTags": UNKNOWN}, {}, True),
        ("oci:Core/vcn:Vcn", {}, {}, False),
        ("oci:Core/vcn:Vcn", {"freeformTags": {**OURS, "stack": "prod"}}, {}, False),
        ("oci:Core/vcn:Vcn", {"freeformTags": {"project": "containerised-app", "stack": "dev"}}, {}, False),
        (VOLUME, {"freeformTags": {}}, {"ignored": ("freeformTags",)}, False),
        ("oci:New/thing:Thing", {}, {}, False),
        (RULE, {}, {}, True),
        (COMMAND, {}, {}, True),
    ],
)
def test_policy_requires_the_tags_of_the_stack(
    kind: str, inputs: Mapping[str, Any], options: Any, accepted: bool
) -> None:
    [policy] = tags.POLICIES
    assert (not violations(policy, kind, inputs, **options)) == accepted


def test_untagged_types_accept_no_tags() -> None:
    assert all("freeformTags" not in oci_sdk.inputs(kind) for kind in tags.UNTAGGED)


def pod(image: Any, name: str = "containers") -> dict[str, Any]:
    return {"spec": {"template": {"spec": {name: [{"name": "a", "image": f"x/y{DIGEST}"}, {"image": image}]}}}}


@pytest.mark.parametrize(
    ("kind", "inputs", "accepted"),
    [
        (DEPLOYMENT, pod("x/y:latest"), False),
        ("kubernetes:batch/v1:Job", pod("x/y", "initContainers"), False),
        (DEPLOYMENT, pod("x/y@sha256:12"), False),
        (DEPLOYMENT, pod(f"x/y:1{DIGEST}"), True),
        (DEPLOYMENT, pod(UNKNOWN), True),
        (DEPLOYMENT, kubernetes.deployment(APP, f"registry.example/app{DIGEST}"), True),
        (DEPLOYMENT, kubernetes.deployment(APP, "registry.example/app:v1"), False),
        ("kubernetes:core/v1:ConfigMap", {"data": {"image": "x/y:latest"}}, True),
        (CONTAINER_INSTANCE, {"containers": [{"imageUrl": "x/y:1"}, {"imageUrl": f"x/y{DIGEST}"}]}, False),
        (CONTAINER_INSTANCE, {"containers": [{"imageUrl": f"x/y{DIGEST}"}, {"imageUrl": UNKNOWN}]}, True),
    ],
)
def test_policy_requires_images_by_digest(kind: str, inputs: Mapping[str, Any], accepted: bool) -> None:
    [policy] = images.POLICIES
    assert (not violations(policy, kind, inputs)) == accepted


def test_policy_on_images_quotes_no_secret() -> None:
    [policy] = images.POLICIES
    secret = pod(SecretText("registry.example/hunter2:1"))
    assert violations(policy, DEPLOYMENT, secret) == ["one runs an image, which has no digest."]


def test_container_instances_have_the_properties_that_the_policy_reads() -> None:
    assert "containers" in oci_sdk.inputs(CONTAINER_INSTANCE)
    assert "image_url" in inspect.signature(oci.containerengine.ContainerInstanceContainerArgs).parameters


@pytest.mark.parametrize("policy", pack.POLICIES, ids=lambda policy: policy.name)
def test_message_has_reason_remedy_and_possible_exception(policy: Policy) -> None:
    message = policy.message("one is wrong.", "dev")
    assert message.startswith("one is wrong.\nWhy: ")
    assert f"\nRemedy: {policy.remedy}" in message
    assert ("Pulumi.dev.yaml" in message and policy.name in message) == policy.may_be_excepted
