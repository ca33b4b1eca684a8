"""Pure functions of the resources in an exported state."""

from __future__ import annotations

from collections.abc import Sequence

from operations.interrupted.stack import Json


def name_of(resource: Json) -> str:
    """Return the resource's name in the program."""
    return str(resource["urn"]).rsplit("::", 1)[1]


def current(resources: Sequence[Json]) -> dict[str, str]:
    """Return URN to id of the resources that are neither replaced nor deleted for a replacement."""
    return {
        one["urn"]: one.get("id", "")
        for one in resources
        if not one.get("delete") and not one.get("pendingReplacement")
    }


def with_adopted(resources: Sequence[Json], adopted: Sequence[Json]) -> list[Json]:
    """Add the adopted resources. One whose old version was deleted first takes the old version's place."""
    places = {one["urn"]: place for place, one in enumerate(resources) if one.get("pendingReplacement")}
    result = list(resources)
    for one in adopted:
        if one["urn"] in places:
            result[places[one["urn"]]] = one
        else:
            result.append(one)
    return result


def without_deleted(resources: Sequence[Json]) -> list[Json]:
    """Remove the resources that were deleted for a replacement and that no other refers to; `up` then creates them as new ones.

    `up` creates them anyway, except in one case in which it never ends: a resource with `replace_with` whose provider that run has not
    loaded yet ("unknown provider", pulumi 3.259, step_generator.go, which loads the providers of dependents alone).
    """
    kept: list[Json] = []
    needed: set[str] = set()
    for one in reversed(resources):
        if one.get("pendingReplacement") and one["urn"] not in needed:
            continue
        kept.insert(0, one)
        by_property = [urn for urns in (one.get("propertyDependencies") or {}).values() for urn in urns or []]
        needed.update(one.get("dependencies") or [], one.get("replaceWith") or [], by_property)
        needed.update(urn for urn in (one.get("parent"), one.get("deletedWith")) if urn)
    return kept
