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
    if place and not resource.protect:
        if _ignored(resource, place):
            yield f"{resource.name} may be deleted with its data: its {place} is in ignore_changes, so the one seen may be another's."
        elif resource.at(place) not in (KEPT, UNKNOWN):
            yield f"{resource.name} is deleted with its data: it is neither protected, nor has it {place} = {KEPT}."


def _ignored(resource: Resource, place: str) -> bool:
    # Policies are shown the old value then, of whoever made it (source: pulumi 3.259, resource/deploy/step_generator.go).
    paths = (path.replace('["', ".").replace('"]', "") for path in resource.ignored)
    return any(path == "*" or f"{place}.".startswith(f"{path}.") for path in paths)


POLICIES = (
    Policy(
        "data-kept",
        "What holds data (volumes, file systems, buckets, claims and their namespace) is protected, or retained and tagged "
        "`on-destroy: keep`.",
        "A `destroy`, a replacement or another target would take the data with it.",
        "`pulumi config set retainData true` (target kubernetes: retainClaim); in the program protect=True, or retain_on_delete=True "
        "with the tag (specs/scope.py), which is not in ignore_changes.",
        check=data_deleted,
        may_be_excepted=True,
    ),
)
