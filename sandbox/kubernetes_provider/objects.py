"""Kubernetes objects as plain Python values, and the kinds they are of.

Numbers are ints where they are whole. A value that a preview does not know yet is UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sandbox.oci.wire import UNKNOWN, Unknown

__all__ = [
    "UNKNOWN",
    "Kind",
    "Object",
    "Unknown",
    "fq_name",
    "has_unknowns",
    "name",
    "namespace",
    "notes",
    "pluck",
]

Object: TypeAlias = dict[str, Any]

# Kinds of the built-in groups that are in no namespace (source: pulumi-kubernetes, provider/pkg/kinds/kinds.go, Kind.Namespaced).
_CLUSTER_SCOPED = frozenset(
    """APIService CertificateSigningRequest ClusterRole ClusterRoleBinding CSIDriver CSINode CustomResourceDefinition FlowSchema
    IngressClass MutatingWebhookConfiguration Namespace Node PersistentVolume PodSecurityPolicy PriorityClass
    PriorityLevelConfiguration RuntimeClass StorageClass ValidatingWebhookConfiguration VolumeAttachment""".split()  # noqa: SIM905
)
_NAMESPACED = frozenset(
    """Binding ConfigMap ControllerRevision CronJob CSIStorageCapacity DaemonSet Deployment Endpoints EndpointSlice Event
    HorizontalPodAutoscaler Ingress Job Lease LimitRange NetworkPolicy PersistentVolumeClaim Pod PodDisruptionBudget PodTemplate
    ReplicaSet ReplicationController ResourceQuota Role RoleBinding Secret Service ServiceAccount StatefulSet""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Kind:
    """Group ("" is core), version and kind."""

    group: str
    version: str
    kind: str

    @classmethod
    def of_token(cls, token: str) -> Kind | None:
        """From a Pulumi type such as `kubernetes:apps/v1:Deployment`; None when it is no type of a Kubernetes object."""
        found = re.fullmatch(r"kubernetes:([^:/]+)/([^:/]+):(\w+)", token)
        return cls("" if found[1] == "core" else found[1], found[2], found[3]) if found else None

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> Kind:
        """Of an object."""
        group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
        return cls("" if group == "core" else group, version, str(obj.get("kind") or ""))

    @property
    def api_version(self) -> str:
        """As in an object: `v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def namespaced(self) -> bool | None:
        """Whether its objects live in namespaces; None when only the cluster knows."""
        if self.kind in _NAMESPACED:
            return True
        return False if self.kind in _CLUSTER_SCOPED else None

    def __str__(self) -> str:
        return f"{self.api_version}/{self.kind}"


def pluck(obj: Any, *path: str) -> Any:
    """The value at a path of names; None when there is none."""
    for step in path:
        if not isinstance(obj, Mapping):
            return None
        obj = obj.get(step)
    return obj


def metadata(obj: Mapping[str, Any]) -> Object:
    """The object's metadata; empty when absent or unknown."""
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def name(obj: Mapping[str, Any]) -> str:
    """metadata.name; "" when absent or unknown."""
    found = metadata(obj).get("name")
    return found if isinstance(found, str) else ""


def namespace(obj: Mapping[str, Any]) -> str:
    """metadata.namespace; "" when absent or unknown."""
    found = metadata(obj).get("namespace")
    return found if isinstance(found, str) else ""


def notes(obj: Mapping[str, Any]) -> dict[str, str]:
    """The annotations that are known."""
    found = metadata(obj).get("annotations")
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def generation(obj: Mapping[str, Any]) -> int:
    """metadata.generation; 0 when absent."""
    return int(metadata(obj).get("generation") or 0)


def owned_by(obj: Mapping[str, Any], owner: Mapping[str, Any] | None) -> bool:
    """Whether the owner is among the object's owner references."""
    uid = metadata(owner).get("uid") if owner else None
    return uid is not None and any(one.get("uid") == uid for one in metadata(obj).get("ownerReferences") or [])


def with_metadata(obj: Object, **values: str) -> Object:
    """A copy with values of its metadata set; an empty one takes the value away."""
    changed = {key: value for key, value in {**metadata(obj), **values}.items() if value != ""}
    return {**obj, "metadata": changed}


def fq_name(obj: Mapping[str, Any]) -> str:
    """The resource's id: `namespace/name`, or `name` alone."""
    return f"{namespace(obj)}/{name(obj)}" if namespace(obj) else name(obj)


def parse_fq_name(resource_id: str) -> tuple[str, str]:
    """Namespace ("" for none) and name of an id."""
    parts = resource_id.split("/")
    return ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def has_unknowns(value: Any) -> bool:
    """Whether the value or any part of it is not known yet."""
    if isinstance(value, dict):
        return any(has_unknowns(part) for part in value.values())
    if isinstance(value, list):
        return any(has_unknowns(part) for part in value)
    return isinstance(value, Unknown)
