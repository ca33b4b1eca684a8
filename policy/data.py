"""What holds data stays when the stack goes."""

from __future__ import annotations

from collections.abc import Iterable

from policy.rule import UNKNOWN, Policy, Resource, Stack

TAG, KEPT = "on-destroy", "keep"
"""How a resource says that retain_on_delete is set: the engine tells policies of `protect`, not of that (source: pulumi, proto
analyzer.proto, AnalyzerResourceOptions). The program sets both from one value, and a test holds them together.
"""

HOLDERS = {
    "oci:Core/volume:Volume": f"freeformTags.{TAG}",
    "oci:FileStorage/fileSystem:FileSystem": f"freeformTags.{TAG}",
    "oci:ObjectStorage/bucket:Bucket": f"freeformTags.{TAG}",
    "kubernetes:core/v1:PersistentVolume": f"metadata.labels.{TAG}",
    "kubernetes:core/v1:PersistentVolumeClaim": f"metadata.labels.{TAG}",
    # It takes its claims with it.
    "kubernetes:core/v1:Namespace": f"metadata.labels.{TAG}",
}
"""Types that hold data, and where the tag is."""


def data_deleted(resource: Resource, _: Stack) -> Iterable[str]:
    """Volumes, claims and the like that would be deleted with their data."""
    place = HOLDERS.get(resource.type)
    if place and not resource.protect and resource.at(place) not in (KEPT, UNKNOWN) and not _taken_over(resource):
        yield f"{resource.name} is deleted with its data: it is neither protected, nor has it {place} = {KEPT}."


def _taken_over(resource: Resource) -> bool:
    # A volume that was imported has the tags of the one who made it.
    return "freeformTags" in resource.ignored and TAG not in (resource.at("freeformTags") or {})


POLICIES = (
    Policy(
        "data-kept",
        "What holds data (volumes, file systems, buckets, claims and their namespace) is protected, or retained and tagged "
        "`on-destroy: keep`.",
        "A `destroy`, a replacement or another target would take the data with it.",
        "`pulumi config set retainData true` (target kubernetes: retainClaim); in the program protect=True, or retain_on_delete=True "
        "with the tag (specs/tags.py).",
        check=data_deleted,
        may_be_excepted=True,
    ),
)
