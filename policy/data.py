"""Policies that keep data when a stack is destroyed."""

from __future__ import annotations

from collections.abc import Iterable

from policy.rule import UNKNOWN, Policy, Resource, Stack
from specs.resource_types import HOLDS_DATA, REPOSITORY
from specs.scope import ON_DESTROY, on_destroy

# The engine sends policies `protect` but not retain_on_delete (source: pulumi, analyzer.proto, AnalyzerResourceOptions). The program sets
# that option and this tag from one value.
KEPT = on_destroy(True)[ON_DESTROY]

HOLDERS = {
    kind: f"{'metadata.labels' if kind.startswith('kubernetes:') else 'freeformTags'}.{ON_DESTROY}"
    for kind in HOLDS_DATA
    if kind != REPOSITORY
}
"""Types that hold data, and the path of the tag in each."""


def data_deleted(resource: Resource, _: Stack) -> Iterable[str]:
    """Volumes, claims and the like that a destroy would delete with their data."""
    path = HOLDERS.get(resource.type)
    if path and not resource.protect:
        if _ignored(resource, path):
            yield f"{resource.name} may be deleted with its data: ignore_changes hides the value of {path}."
        elif resource.at(path) not in (KEPT, UNKNOWN):
            yield f"{resource.name} is deleted with its data: it is not protected, and {path} is not {KEPT}."


def _ignored(resource: Resource, path: str) -> bool:
    # For such a path the engine sends the old value, set by another stack (source: pulumi 3.259, resource/deploy/step_generator.go).
    ignored = (one.replace('["', ".").replace('"]', "") for one in resource.ignored)
    return any(one == "*" or f"{path}.".startswith(f"{one}.") for one in ignored)


POLICIES = (
    Policy(
        "data-kept",
        "Volumes, file systems, buckets, claims and their namespace are protected, or retained and tagged `on-destroy: keep`.",
        "A `destroy`, a replacement or another target would delete the data.",
        "`pulumi config set retainData true` (target kubernetes: retainClaim); in the program protect=True, or retain_on_delete=True "
        "with the tag (specs/scope.py) and without ignore_changes on it.",
        check=data_deleted,
        may_be_excepted=True,
    ),
)
