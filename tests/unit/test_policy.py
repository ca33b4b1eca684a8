"""What the policies on machines, data and tags let pass and tell, and that each message says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from policy import compute, data, pack, tags
from policy.rule import UNKNOWN, Policy
from tests.unit.judged import CLAIM, COMMAND, INSTANCE, POOL, RULE, VOLUME, told


@pytest.mark.parametrize(
    ("kind", "inputs", "passes"),
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
def test_machines_do_not_answer_version_1_of_the_metadata_service(
    kind: str, inputs: Mapping[str, Any], passes: bool
) -> None:
    [policy] = compute.POLICIES
    assert (not told(policy, kind, inputs)) == passes


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "passes"),
    [
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {}, True),
        (VOLUME, {}, {"protect": True}, True),
        (VOLUME, {}, {}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "delete"}}, {}, False),
        # The tag of whoever made it.
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
def test_what_holds_data_is_kept(kind: str, inputs: Mapping[str, Any], options: Any, passes: bool) -> None:
    [policy] = data.POLICIES
    assert (not told(policy, kind, inputs, **options)) == passes


OURS = {"project": "containerised-app", "stack": "dev", "managed-by": "pulumi"}


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "passes"),
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
def test_all_in_the_cloud_has_the_tags(kind: str, inputs: Mapping[str, Any], options: Any, passes: bool) -> None:
    [policy] = tags.POLICIES
    assert (not told(policy, kind, inputs, **options)) == passes


@pytest.mark.parametrize("policy", pack.POLICIES, ids=lambda policy: policy.name)
def test_a_message_says_what_is_wrong_what_to_do_and_whether_a_stack_may_differ(policy: Policy) -> None:
    message = policy.message("one is wrong.", "dev")
    assert message.startswith("one is wrong.\nRemedy: ")
    assert len(policy.remedy) > 20
    assert ("Pulumi.dev.yaml" in message and policy.name in message) == policy.may_be_excepted
