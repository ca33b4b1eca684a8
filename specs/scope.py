"""What all of a stack's resources in the cloud share, and the tag that says whether data stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ON_DESTROY = "on-destroy"
"""Tag, or Kubernetes label, of what holds data. The engine does not show retain_on_delete to policies, so the policy data-kept reads
this tag; whoever finds the volume in the console sees it as well.
"""


@dataclass(frozen=True)
class Scope:
    """Where a stack's resources are made and how the console names them."""

    # OCID of the compartment of everything.
    compartment_id: str
    # OCID; availability domains are looked up in it.
    tenancy_ocid: str
    # Full name, or "" for the tenancy's first in the region.
    availability_domain: str
    # Prefix of the display names: the app and the stack.
    display_name: str
    # Freeform tags of everything, as the policy tags-present wants them.
    tags: Mapping[str, str]


def tags(project: str, stack: str) -> dict[str, str]:
    """The freeform tags that name a resource's owner."""
    return {"project": project, "stack": stack, "managed-by": "pulumi"}


def on_destroy(retained: bool) -> dict[str, str]:
    """Say whether a resource stays when the stack goes; given wherever retain_on_delete is."""
    return {ON_DESTROY: "keep" if retained else "delete"}
