"""The inputs of a resource: what is wrong with them, their name, and those of an object which is imported."""

from __future__ import annotations

from sandbox.kubernetes_provider import names, sdk, waiting
from sandbox.kubernetes_provider.check import problems
from sandbox.kubernetes_provider.errors import ProviderError
from sandbox.kubernetes_provider.normalize import normalized
from sandbox.kubernetes_provider.objects import Object, metadata
from sandbox.kubernetes_provider.resource_types import kind_of, token

# What a cluster adds and no program would say (provider.go, Read).
_CLUSTERS_OWN_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")


def problems_of(urn: str, given: Object) -> list[str]:
    """What the SDK does not declare. Raises UnsupportedError for what is not done here."""
    kind_of(urn)
    found = list(problems(given, sdk.inputs(token(urn))))
    if not found:
        waiting.refuse_not_done(given)
    return found


def named(urn: str, given: Object, old: Object, seed: bytes, autonaming: names.Autonaming | None) -> Object:
    """The inputs, normalized, with the name of the old ones or a new one unless they have one. old: empty for a new resource."""
    inputs = normalized({**given, "metadata": given.get("metadata", {})})
    if old:
        inputs = names.with_managed_by(names.with_old_name(inputs, old), old)
    else:
        inputs = names.with_name(inputs, urn.rpartition("::")[2], seed, autonaming)
    if names.has_generate_name(inputs):
        raise ProviderError("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
    return inputs


def imported(urn: str, live: Object) -> Object:
    """The inputs that describe a live object."""
    shown = normalized({key: value for key, value in live.items() if key in sdk.inputs(token(urn))})
    kept = {
        key: value
        for key, value in (metadata(shown).get("annotations") or {}).items()
        if key not in _CLUSTERS_OWN_ANNOTATIONS
    }
    cleaned = {key: value for key, value in metadata(shown).items() if key != "annotations"}
    return {**shown, "metadata": {**cleaned, "annotations": kept} if kept else cleaned}
