"""Names which the program leaves to Pulumi, the annotations that steer the provider, and the field manager.

Semantics: pulumi-kubernetes, provider/pkg/metadata.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes_provider.errors import ProviderError
from sandbox.kubernetes_provider.objects import UNKNOWN, Object, metadata, name, notes, pluck

PREFIX = "pulumi.com/"
AUTONAMED = PREFIX + "autonamed"
SKIP_AWAIT = PREFIX + "skipAwait"
WAIT_FOR = PREFIX + "waitFor"
TIMEOUT_SECONDS = PREFIX + "timeoutSeconds"
REPLACE_UNREADY = PREFIX + "replaceUnready"
PATCH_FORCE = PREFIX + "patchForce"
PATCH_FIELD_MANAGER = PREFIX + "patchFieldManager"
DELETION_PROPAGATION = PREFIX + "deletionPropagationPolicy"
MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(frozen=True)
class Autonaming:
    """The engine's configuration of names: what it proposes, and whether names are to be given by the program."""

    proposed: str = ""
    disabled: bool = False


def is_true(obj: Mapping[str, Any], annotation: str) -> bool:
    """Whether the annotation is there with the value "true"."""
    return notes(obj).get(annotation) == "true"


def is_named(obj: Mapping[str, Any]) -> bool:
    """Whether the object has a name of its own, known or not yet."""
    return metadata(obj).get("name") is UNKNOWN or name(obj) != ""


def has_generate_name(obj: Mapping[str, Any]) -> bool:
    """Whether the cluster is to make the name up."""
    return not is_named(obj) and metadata(obj).get("generateName") not in (None, "")


def with_name(obj: Object, urn_name: str, seed: bytes, autonaming: Autonaming | None) -> Object:
    """The object, named `<name of the resource>-<8 hexadecimal digits>` unless it has a name. The seed makes the same name again."""
    if is_named(obj) or has_generate_name(obj) or obj.get("metadata") is UNKNOWN:
        return obj
    chosen = f"{urn_name}-{unique_suffix(seed)}"
    if autonaming is not None and autonaming.disabled:
        raise ProviderError("autonaming is disabled, resource requires the .metadata.name field to be set")
    return _autonamed(obj, autonaming.proposed if autonaming is not None and autonaming.proposed else chosen)


def with_old_name(obj: Object, old: Object) -> Object:
    """The object with the name that the old inputs were given by `with_name`."""
    if is_named(obj) or not is_true(old, AUTONAMED):
        return obj
    return _autonamed(obj, name(old))


def with_managed_by(obj: Object, old: Object) -> Object:
    """The label app.kubernetes.io/managed-by, where the old inputs have it: objects made by server-side apply do not get it."""
    value = os.environ.get("PULUMI_KUBERNETES_MANAGED_BY_LABEL", "pulumi")
    before, labels = pluck(old, "metadata", "labels", MANAGED_BY), metadata(obj).get("labels", {})
    if (before is not UNKNOWN and before != value) or not isinstance(labels, dict):
        return obj
    return {**obj, "metadata": {**metadata(obj), "labels": {**labels, MANAGED_BY: value}}}


def _autonamed(obj: Object, chosen: str) -> Object:
    old = metadata(obj)
    notes = old.get("annotations", {})
    named = {**old, "name": chosen}
    if isinstance(notes, dict):
        named["annotations"] = {**notes, AUTONAMED: "true"}
    return {**obj, "metadata": named}


def unique_suffix(seed: bytes) -> str:
    """Eight hexadecimal digits, always the same for a seed. (The official plugin's generator makes others of it.)"""
    return hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)


def field_manager(known: str | None, inputs: Object) -> str:
    """Who the cluster is told to be the owner of the fields: the annotation's, the state's, or a new name."""
    return notes(inputs).get(PATCH_FIELD_MANAGER) or known or f"pulumi-kubernetes-{secrets.token_hex(4)}"


def timeout(custom: float, inputs: Mapping[str, Any], default: float = 600) -> float:
    """Seconds to wait at most: `custom_timeouts`, the annotation, or ten minutes."""
    if custom:
        return float(int(custom))
    try:
        return float(int(notes(inputs)[TIMEOUT_SECONDS]))
    except (KeyError, ValueError):
        return default


def propagation(inputs: Mapping[str, Any]) -> str:
    """What deleting the object does to what it owns."""
    policy = notes(inputs).get(DELETION_PROPAGATION, "").lower()
    return {"orphan": "Orphan", "background": "Background"}.get(policy, "Foreground")
