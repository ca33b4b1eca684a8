"""The app's pod, within Kubernetes' restricted profile."""

from __future__ import annotations

from typing import Any

from specs.container import STOP_TIMEOUT_SECONDS, ContainerSpec
from specs.secret_files import SECRETS_PATH

TMP_GB = 8
"""Size limit of /tmp, on the node's boot volume. A pod that writes more is evicted, not the node's other pods."""


def pod_spec(
    container: ContainerSpec, image: Any, cpus: int, pull_secret: str, files_secret: str, claim: str
) -> dict[str, Any]:
    """The pod. image: reference by digest, or Pulumi's output of one; the last three are names of objects."""
    return {
        "automountServiceAccountToken": False,
        # Nobody wants variables for every Service of the namespace, and a Service called "port" would set PORT.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_TIMEOUT_SECONDS,
        "imagePullSecrets": [{"name": pull_secret}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": container.user_id,
            "runAsGroup": container.user_id,
            "fsGroup": container.user_id,
            # Otherwise every start goes through all files of the volume.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(container, image, cpus)],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": claim}},
            # Readable only by the group, which is fsGroup.
            {"name": "files", "secret": {"secretName": files_secret, "defaultMode": 0o440}},
            {"name": "tmp", "emptyDir": {"sizeLimit": f"{TMP_GB}Gi"}},
            # In memory, and part of the app's limit. The 64 MB of a container without it are too few for data loaders.
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{container.half_memory_mb}Mi"}},
        ],
    }


def _container(spec: ContainerSpec, image: Any, cpus: int) -> dict[str, Any]:
    # Requests for any host come in: the load balancer's and the probes', which name the pod's address.
    variables = spec.variables(BEHIND_LOAD_BALANCER="1")
    probe = {"httpGet": {"path": spec.health_path, "port": "http"}, "timeoutSeconds": 10}
    return {
        "name": spec.name,
        "image": image,
        "imagePullPolicy": "Always",
        "workingDir": spec.data_path,
        "ports": [{"name": "http", "containerPort": spec.port, "protocol": "TCP"}],
        # "$$" is a "$": Kubernetes replaces "$(NAME)" by other variables (source: Kubernetes, "Define Dependent Environment Variables").
        "env": [{"name": name, "value": value.replace("$", "$$")} for name, value in variables.items()],
        # The request is what the app needs to start; up to the limit a notebook may take what the node has.
        "resources": {
            "requests": {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
            # ephemeral-storage: its logs too.
            "limits": {"cpu": str(cpus), "memory": f"{spec.memory_gb}Gi", "ephemeral-storage": f"{TMP_GB + 1}Gi"},
        },
        "startupProbe": {**probe, "periodSeconds": 3, "failureThreshold": 60},
        "readinessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 3},
        "livenessProbe": {**probe, "periodSeconds": 30, "failureThreshold": 3},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            # A folder of the app, as on the instance: the root of a volume has lost+found.
            {"name": "data", "mountPath": spec.data_path, "subPath": spec.name},
            {"name": "files", "mountPath": SECRETS_PATH, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in the container
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - in the container
        ],
    }
