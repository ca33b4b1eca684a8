"""Freeform tags of what is in the cloud, and the label which says whether data stay."""

from __future__ import annotations

ON_DESTROY = "on-destroy"
"""Tag, or Kubernetes label, of what holds data. The engine does not tell policies of retain_on_delete, so that is where the policy
data-kept looks; who finds the volume in the console sees it as well.
"""


def tags(project: str, stack: str) -> dict[str, str]:
    """Whose a resource is, as the policy tags-present asks."""
    return {"project": project, "stack": stack, "managed-by": "pulumi"}


def on_destroy(retained: bool) -> dict[str, str]:
    """Whether it stays when the stack goes: to be given wherever retain_on_delete is."""
    return {ON_DESTROY: "keep" if retained else "delete"}
