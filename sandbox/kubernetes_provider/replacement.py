"""Which changed properties ask for another object: the table of pulumi-kubernetes (provider/pkg/provider/diff.go, forceNew).

A path begins at the object; `[*]` stands for every element. A change below a path counts as a change of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sandbox.kubernetes_provider.objects import Kind, Object

_METADATA = ("metadata.name", "metadata.namespace")
_VOLUME_SOURCES = """awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs hostPath
iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume""".split()  # noqa: SIM905
_POD = """affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork hostPID hostname
imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName readinessGates restartPolicy
runtimeClassName schedulerName securityContext serviceAccount serviceAccountName shareProcessNamespace subdomain
terminationGracePeriodSeconds volumes""".split()  # noqa: SIM905
_CONTAINER = """args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext stdin
stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir""".split()  # noqa: SIM905

_TABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("", "PersistentVolume"): tuple(f"spec.{source}" for source in _VOLUME_SOURCES),
    ("", "PersistentVolumeClaim"): ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ("", "Pod"): (
        *(f"spec.{field}" for field in _POD),
        *(f"spec.{containers}[*].{field}" for containers in ("containers", "initContainers") for field in _CONTAINER),
    ),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
}


def replacing(obj: Object, secret_mutable: bool, config_map_mutable: bool) -> tuple[str, ...]:
    """The paths whose change replaces this object.

    A Secret's data replaces it, and a ConfigMap's, unless the provider is told that they are mutable and the object is not
    immutable itself.
    """
    kind, immutable = Kind.of(obj), obj.get("immutable") is True
    if kind == Kind("", "v1", "Secret"):
        return (*_METADATA, "type", *(() if secret_mutable and not immutable else ("stringData", "data")))
    if kind == Kind("", "v1", "ConfigMap"):
        return (*_METADATA, *(() if config_map_mutable and not immutable else ("binaryData", "data")))
    return (*_METADATA, *_TABLE.get((kind.group, kind.kind), ()))


def replaces(path: Sequence[str | int], value: Any, paths: Sequence[str]) -> bool:
    """Whether a change at the path, to the value, touches one of the paths."""
    return any(_touches(path, value, _steps(one)) for one in paths)


def _steps(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", path)


def _touches(path: Sequence[str | int], value: Any, wanted: Sequence[str]) -> bool:
    for place, step in zip(path, wanted, strict=False):
        if step != "*" and place != step:
            return False
        if step == "*" and not isinstance(place, int):
            return False
    return _holds(value, wanted[len(path) :])


def _holds(value: Any, wanted: Sequence[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "*":
        return isinstance(value, list) and any(_holds(item, wanted[1:]) for item in value)
    return isinstance(value, dict) and wanted[0] in value and _holds(value[wanted[0]], wanted[1:])
