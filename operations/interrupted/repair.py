"""The repair itself: adopt, forget, and report."""

from __future__ import annotations

from collections.abc import Sequence

from operations.interrupted.answers import NONE, parse
from operations.interrupted.messages import claim_volume, not_found, question, repeated
from operations.interrupted.resource_types import LOOK_UPS, REPEATABLE
from operations.interrupted.stack import Json, Stack, UnresolvedError
from operations.interrupted.state import name_of, with_adopted, without_deleted


def repair(stack: Stack, words: Sequence[str]) -> list[str]:
    """Repair the stack's state and return the lines to print. words: answers, "<resource>=<id>" or "<resource>=none".

    Changes nothing before every question is answered. Raises UnresolvedError.
    """
    exported = stack.export()
    deployment: Json = exported.get("deployment") or {}
    resources: list[Json] = deployment.get("resources") or []
    operations: list[Json] = deployment.get("pending_operations") or []
    creates = [operation["resource"] for operation in operations if operation["type"] == "creating"]
    uncertain = [resource for resource in creates if not REPEATABLE.match(resource["type"])]
    by_name = {name_of(resource): resource for resource in uncertain}
    answers = parse(words, by_name, resources)
    if answers.keys() != by_name.keys():
        raise UnresolvedError(question(stack, uncertain, resources))
    # With its inputs as outputs, a refresh treats it as a known resource, not as one to import.
    adopted = [
        {**by_name[name], "id": id, "outputs": by_name[name].get("inputs") or {}}
        for name, id in answers.items()
        if id != NONE
    ]
    kept = without_deleted(with_adopted(resources, adopted))
    if creates or kept != resources:
        stack.replace({**exported, "deployment": {**deployment, "resources": kept, "pending_operations": []}})
    gone = _refresh(stack, kept, adopted)
    to_create = {name_of(one) for one in (*creates, *gone)} - {name_of(one) for one in adopted}
    return [
        *(f"{name_of(one)}: adopted, {one['id']}" for one in adopted),
        *(f"{name}: the next `up` creates it" for name in sorted(to_create)),
        *repeated(stack, operations),
        *claim_volume(resources, operations),
    ]


def _refresh(stack: Stack, resources: Sequence[Json], adopted: Sequence[Json]) -> list[Json]:
    """Refresh the adopted resources and those whose create failed; return the failed ones that are gone.

    Raises UnresolvedError if an adopted one does not exist.
    """
    # source: oracle/terraform-provider-oci, Create of an instance and of a node pool: both keep the id when the work request fails.
    failed = [one for one in resources if one.get("initErrors") and one["type"] in LOOK_UPS and one not in adopted]
    if not adopted and not failed:
        return []
    stack.refresh([one["urn"] for one in (*adopted, *failed)])
    found = {one["urn"] for one in (stack.export().get("deployment") or {}).get("resources") or []}
    if missing := [one for one in adopted if one["urn"] not in found]:
        raise UnresolvedError(not_found(stack, missing))
    return [one for one in failed if one["urn"] not in found]
