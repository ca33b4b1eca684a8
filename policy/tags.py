"""Everything in the cloud says whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policy.rule import UNKNOWN, Policy, Resource, Stack

MANAGED_BY = "pulumi"

UNTAGGED = {
    "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule": "a part of its group, which has the tags",
    "oci:Core/volumeAttachment:VolumeAttachment": "a relation of an instance and a volume, which both have them",
}
"""Types of Oracle's provider that take no tags, and why that is well. Every other one has to have them."""


def required(stack: Stack) -> dict[str, str]:
    """The tags, and what they have to say."""
    return {"project": stack.project, "stack": stack.name, "managed-by": MANAGED_BY}


def missing_tags(resource: Resource, stack: Stack) -> Iterable[str]:
    """Resources of Oracle's cloud without the tags, or with another stack's."""
    tags = resource.at("freeformTags")
    if not resource.type.startswith("oci:") or resource.type in UNTAGGED or tags is UNKNOWN:
        return
    given = tags if isinstance(tags, Mapping) else {}
    wrong = [f"{key}: {value}" for key, value in required(stack).items() if given.get(key) not in (value, UNKNOWN)]
    if wrong:
        yield f"{resource.name} ({resource.type}) lacks the tags {', '.join(wrong)}."


POLICIES = (
    Policy(
        "tags-present",
        "Every resource of Oracle's cloud has the freeform tags project, stack and managed-by.",
        "Who finds it in the console, or on the bill, can tell whose it is and that changes by hand do not last.",
        "pass freeform_tags=args.scope.tags, as the components do (specs/scope.py); a type that takes no tags is listed in policy/tags.py "
        "with the reason.",
        check=missing_tags,
    ),
)
