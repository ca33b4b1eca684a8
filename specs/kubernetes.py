"""The app in Kubernetes: whole manifests as plain values.

What is known only once other things exist (`Later`: the image's digest, secrets, annotations) is put in as it is given.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specs.load_balancer import LoadBalancerSpec
from specs.secret_files import SECRETS_PATH

Manifest = dict[str, Any]
Later = Any
"""A text, or Pulumi's output of one."""

TERMINATION_GRACE_SECONDS = 30
ROLLOUT_TIMEOUT_SECONDS = 600
"""Until a rollout has failed: a new node's first pull of the image and the volume's attachment have to fit."""
PROGRESS_DEADLINE_SECONDS = ROLLOUT_TIMEOUT_SECONDS - 30
"""Until Kubernetes itself says so: first, so that its word is in the failure."""

VOLUME_DRIVER = "blockvolume.csi.oraclecloud.com"
"""Oracle's driver behind storage class oci-bv (source: oci-cloud-controller-manager, oci-bv storage class)."""

PATCH_FORCE = {"pulumi.com/patchForce": "true"}
"""Annotation of every object. Each create applies under a name of its own, and a run that was killed or a retained object leaves another
name at the fields: without force no later change of them would get past it. Every provider of version 4 supports it.
"""

TMP_GB = 8
"""Size limit of /tmp, on the node's boot volume. A pod that writes more is evicted, not the node's other pods."""


@dataclass(frozen=True)
class AppSpec:
    """One app as Kubernetes runs it.

    version: becomes the label `ver`; port: TCP, in the container; environment: nothing secret; data_path: in the container;
    health_path: answers 200 without login; user_id: numeric user and group; cpus, memory_gb: limits of a pod; volume_gb: size of the
    claim; volume_id: OCID of a block volume to adopt, or ""; fingerprint: of the secret files.
    """

    name: str
    namespace: str
    version: str
    port: int
    environment: Mapping[str, str]
    data_path: str
    health_path: str
    user_id: int
    cpus: int
    memory_gb: int
    replicas: int
    storage_class: str
    access_mode: str
    volume_gb: int
    volume_id: str
    fingerprint: str

    @property
    def pull_secret(self) -> str:
        """Name of the secret with the registry's login."""
        return f"{self.name}-registry"

    @property
    def files_secret(self) -> str:
        """Name of the secret with the app's files."""
        return f"{self.name}-files"

    @property
    def claim(self) -> str:
        """Name of the PersistentVolumeClaim."""
        return f"{self.name}-data"

    @property
    def volume(self) -> str:
        """Name of the PersistentVolume of an adopted volume; they have no namespace."""
        return f"{self.namespace}-data"


def labels(spec: AppSpec) -> dict[str, str]:
    """Kubernetes' recommended labels."""
    return {
        "app.kubernetes.io/name": spec.name,
        "app.kubernetes.io/instance": spec.namespace,
        "app.kubernetes.io/version": _label_value(spec.version),
        "app.kubernetes.io/managed-by": "pulumi",
    }


def _label_value(text: str) -> str:
    # At most 63 characters, the last one a letter or digit (source: Kubernetes, "Labels and Selectors").
    return text[:63].rstrip("._-")


def _selector(spec: AppSpec) -> dict[str, str]:
    # Not `ver`: a Deployment's selector cannot be changed.
    return {"app": spec.name}


def _manifest(api_version: str, kind: str, app: AppSpec, name: str, /, **rest: Any) -> Manifest:
    metadata = {"name": name, "namespace": app.namespace, "labels": labels(app), "annotations": PATCH_FORCE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def namespace(spec: AppSpec) -> Manifest:
    """A namespace which admits pods of the restricted profile alone."""
    profile = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    # Without the version: it may outlive the app.
    own = {key: value for key, value in labels(spec).items() if not key.endswith("/version")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": spec.namespace, "labels": {**own, **profile}, "annotations": PATCH_FORCE},
    }


def docker_config(host: str, username: str, token: str) -> str:
    """The registry's login as a pull secret holds it (secret)."""
    auth = base64.b64encode(f"{username}:{token}".encode()).decode()
    return encode(json.dumps({"auths": {host: {"username": username, "password": token, "auth": auth}}}))


def encode(text: str) -> str:
    """As `data` of a Secret wants it."""
    return base64.b64encode(text.encode()).decode()


def pull_secret(spec: AppSpec, docker_config_json: Later) -> Manifest:
    """The registry's login. docker_config_json: from `docker_config`."""
    data = {".dockerconfigjson": docker_config_json}
    return _manifest("v1", "Secret", spec, spec.pull_secret, type="kubernetes.io/dockerconfigjson", data=data)


def files_secret(spec: AppSpec, files: Later) -> Manifest:
    """The app's secret files. files: name to encoded content."""
    return _manifest("v1", "Secret", spec, spec.files_secret, type="Opaque", data=files)


def tls_secret(spec: AppSpec, name: str, certificate: Later, private_key: Later) -> Manifest:
    """The listener's certificate and key, encoded."""
    data = {"tls.crt": certificate, "tls.key": private_key}
    return _manifest("v1", "Secret", spec, name, type="kubernetes.io/tls", data=data)


def volume(spec: AppSpec, claim_uid: Later) -> Manifest:
    """The adopted block volume, as a PersistentVolume for this app's claim. It stays when the claim goes.

    claim_uid: one that stayed when its namespace was deleted still holds the uid of the claim before, and is bound to no other.
    """
    manifest = _manifest(
        "v1",
        "PersistentVolume",
        spec,
        spec.volume,
        spec={
            "capacity": {"storage": f"{spec.volume_gb}Gi"},
            "accessModes": [spec.access_mode],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": spec.storage_class,
            "claimRef": {"namespace": spec.namespace, "name": spec.claim, "uid": claim_uid},
            "csi": {"driver": VOLUME_DRIVER, "volumeHandle": spec.volume_id, "fsType": "ext4"},
        },
    )
    del manifest["metadata"]["namespace"]
    return manifest


def claim(spec: AppSpec) -> Manifest:
    """The claim of the data volume."""
    wanted = {
        "accessModes": [spec.access_mode],
        "storageClassName": spec.storage_class,
        "resources": {"requests": {"storage": f"{spec.volume_gb}Gi"}},
    }
    adopted = {"volumeName": spec.volume} if spec.volume_id else {}
    manifest = _manifest("v1", "PersistentVolumeClaim", spec, spec.claim, spec={**wanted, **adopted})
    # Of a class that waits for the first pod Pulumi would wait until the claim is Pending: one that was kept is Bound, for ever (source:
    # pulumi-kubernetes, await/awaiters.go, and its issue 4179). The Deployment waits for it in any case.
    manifest["metadata"]["annotations"] = {**PATCH_FORCE, "pulumi.com/skipAwait": "true"}
    return manifest


def deployment(spec: AppSpec, image: Later) -> Manifest:
    """The app's pods. image: reference by digest."""
    # A volume that is on one node has to be let go before another pod can have it.
    one_at_a_time = spec.access_mode == "ReadWriteOnce"
    found_by = {**labels(spec), **_selector(spec), "ver": _label_value(spec.version)}
    pod = {
        "metadata": {
            "labels": found_by,
            # Files of a secret change in a running pod, but apps read them when they start.
            "annotations": {"checksum/files": spec.fingerprint},
        },
        "spec": pod_spec(spec, image),
    }
    manifest = _manifest(
        "apps/v1",
        "Deployment",
        spec,
        spec.name,
        spec={
            "replicas": spec.replicas,
            "selector": {"matchLabels": _selector(spec)},
            "strategy": {"type": "Recreate" if one_at_a_time else "RollingUpdate"},
            "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
            "template": pod,
        },
    )
    manifest["metadata"]["labels"] = found_by
    return manifest


def pod_spec(spec: AppSpec, image: Later) -> Manifest:
    """What a pod is, within Kubernetes' restricted profile."""
    return {
        "automountServiceAccountToken": False,
        # Variables for every Service of the namespace are nobody's wish, and a Service called "port" would set PORT.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_GRACE_SECONDS,
        "imagePullSecrets": [{"name": spec.pull_secret}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": spec.user_id,
            "runAsGroup": spec.user_id,
            "fsGroup": spec.user_id,
            # A volume full of files would otherwise be gone through at every start.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec, image)],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": spec.claim}},
            # Readable by the group alone, which is fsGroup.
            {"name": "files", "secret": {"secretName": spec.files_secret, "defaultMode": 0o440}},
            {"name": "tmp", "emptyDir": {"sizeLimit": f"{TMP_GB}Gi"}},
            # In memory, and part of what the app may have of it. The 64 MB of a container without it are too few for data loaders.
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{spec.memory_gb * 512}Mi"}},
        ],
    }


def _container(spec: AppSpec, image: Later) -> Manifest:
    # So that one value decides where the app listens and what it keeps, whatever its image says. Requests for any host come in: the load
    # balancer's and the probes', which name the pod's address.
    given = {"PORT": str(spec.port), "DATA_PATH": spec.data_path, "HOME": spec.data_path, "BEHIND_LOAD_BALANCER": "1"}
    environment = sorted({**spec.environment, **given}.items())
    return {
        "name": spec.name,
        "image": image,
        "imagePullPolicy": "Always",
        "workingDir": spec.data_path,
        "ports": [{"name": "http", "containerPort": spec.port, "protocol": "TCP"}],
        # "$$" is a "$": Kubernetes puts other variables in the place of "$(NAME)" (source: Kubernetes, "Define Dependent Environment
        # Variables").
        "env": [{"name": name, "value": value.replace("$", "$$")} for name, value in environment],
        # The request is what the app needs to be there; up to the limit a notebook may take what the node has.
        "resources": {
            "requests": {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
            "limits": {
                "cpu": str(spec.cpus),
                "memory": f"{spec.memory_gb}Gi",
                # Its logs too.
                "ephemeral-storage": f"{TMP_GB + 1}Gi",
            },
        },
        "startupProbe": {**_probe(spec), "periodSeconds": 3, "failureThreshold": 60},
        "readinessProbe": {**_probe(spec), "periodSeconds": 10, "failureThreshold": 3},
        "livenessProbe": {**_probe(spec), "periodSeconds": 30, "failureThreshold": 3},
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


def _probe(spec: AppSpec) -> Manifest:
    return {"httpGet": {"path": spec.health_path, "port": "http"}, "timeoutSeconds": 10}


def network_policy(spec: AppSpec) -> Manifest:
    """In: the app's port alone. Out: everything but the metadata service, through which a program could act as the node.

    The VCN's name server has that service's address, but pods ask the cluster's.
    """
    return _manifest(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        spec,
        spec.name,
        spec={
            "podSelector": {"matchLabels": _selector(spec)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": spec.port, "protocol": "TCP"}]}],
            "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}],
        },
    )


def service(spec: AppSpec, load_balancer: LoadBalancerSpec, annotations: Later) -> Manifest:
    """The app behind a load balancer. annotations: from `specs.load_balancer.service_annotations`."""
    manifest = _manifest(
        "v1",
        "Service",
        spec,
        spec.name,
        spec={
            "type": "LoadBalancer",
            "selector": _selector(spec),
            "ports": [{"name": "http", "port": load_balancer.port, "targetPort": "http", "protocol": "TCP"}],
        },
    )
    manifest["metadata"]["annotations"] = {**PATCH_FORCE, **annotations}
    return manifest
