"""Policies on tags, which name the owner of a resource in the cloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policy.rule import UNKNOWN, Policy, Resource, Stack
from specs import scope

UNTAGGED = {
    # Part of a group, which has the tags.
    "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule",
    # A relation between an instance and a volume, which both have the tags.
    "oci:Core/volumeAttachment:VolumeAttachment",
}
"""Types of Oracle's provider that accept no tags. Every other type must have them."""


def missing_tags(resource: Resource, stack: Stack) -> Iterable[str]:
    """Resources of Oracle's cloud without the tags, or with the tags of another stack."""
    tags = resource.at("freeformTags")
    if not resource.type.startswith("oci:") or resource.type in UNTAGGED or tags is UNKNOWN:
        return
    given = tags if isinstance(tags, Mapping) else {}
    required = scope.tags(stack.project, stack.name)
    missing = [f"{key}: {value}" for key, value in required.items() if given.get(key) not in (value, UNKNOWN)]
    if missing:
        yield f"{resource.name} ({resource.type}) lacks the tags {', '.join(missing)}."


POLICIES = (
    Policy(
        "tags-present",
        "Every resource of Oracle's cloud has the freeform tags project, stack and managed-by.",
        "A person who finds it in the console or on the bill sees its owner, and that the next update undoes changes made by hand.",
        "pass freeform_tags=args.scope.tags, as the components do (specs/scope.py); add a type that accepts no tags to policy/tags.py.",
        check=missing_tags,
    ),
)
