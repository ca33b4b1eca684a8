"""The app in Kubernetes: all manifests, as plain values.

Values that exist only once other things do (the image's digest, secrets, annotations) may be Pulumi's outputs; their type is `Text` of
specs/load_balancer.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specs.app_spec import AppSpec
from specs.load_balancer import LoadBalancerSpec, Text
from specs.pod import pod_spec
from specs.scope import on_destroy

Manifest = dict[str, Any]

ROLLOUT_TIMEOUT_SECONDS = 600
"""After this time a rollout has failed: a new node's first pull of the image and the volume's attachment must fit."""
PROGRESS_DEADLINE_SECONDS = ROLLOUT_TIMEOUT_SECONDS - 30
"""After this time Kubernetes itself reports the failure: earlier, so that the error has its reason."""

VOLUME_DRIVER = "blockvolume.csi.oraclecloud.com"
"""Oracle's driver behind storage class oci-bv (source: oci-cloud-controller-manager, oci-bv storage class)."""

PATCH_FORCE = {"pulumi.com/patchForce": "true"}
"""Annotation of every object. Each create applies under its own name, and a killed run or a retained object leaves another name at the
fields: without force no later change would get past it. Every provider of version 4 supports it.
"""


@dataclass(frozen=True)
class Content:
    """What the manifests hold that is not configuration."""

    # Reference by digest.
    image: Text
    # From `docker_config` (secret).
    registry_login: Text
    # Name to encoded content (secret).
    files: Text
    # PEM, encoded; the key is secret.
    tls_certificate: Text
    tls_private_key: Text
    # Of the Service, from `specs.load_balancer.service_annotations`.
    annotations: Mapping[str, Text]
    # Of the claim for an adopted volume; the component sets it once there is a claim.
    claim_uid: Text = ""


def manifests(spec: AppSpec, load_balancer: LoadBalancerSpec, content: Content) -> dict[str, Manifest]:
    """Everything of the app in the cluster, by the names of Pulumi's resources, in an order in which it can be made."""
    made = {
        "namespace": namespace(spec),
        "pull-secret": _secret(
            spec, spec.pull_secret, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": content.registry_login}
        ),
        "files": _secret(spec, spec.files_secret, "Opaque", content.files),
        "claim": claim(spec),
        "network-policy": network_policy(spec),
    }
    if spec.volume_id:
        made["volume"] = volume(spec, content.claim_uid)
    if load_balancer.tls_secret:
        pair = {"tls.crt": content.tls_certificate, "tls.key": content.tls_private_key}
        made["tls"] = _secret(spec, load_balancer.tls_secret, "kubernetes.io/tls", pair)
    return {
        **made,
        "deployment": deployment(spec, content.image),
        "service": service(spec, load_balancer, content.annotations),
    }


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
    """A namespace which admits only pods of the restricted profile."""
    profile = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    # Without the version: it may outlive the app.
    own = {key: value for key, value in labels(spec).items() if not key.endswith("/version")}
    all_labels = {**own, **profile, **on_destroy(spec.retained)}
    metadata = {"name": spec.namespace, "labels": all_labels, "annotations": PATCH_FORCE}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def docker_config(host: str, username: str, token: str) -> str:
    """The registry's login as a pull secret holds it (secret)."""
    auth = base64.b64encode(f"{username}:{token}".encode()).decode()
    return encode(json.dumps({"auths": {host: {"username": username, "password": token, "auth": auth}}}))


def encode(text: str) -> str:
    """As `data` of a Secret wants it."""
    return base64.b64encode(text.encode()).decode()


def _secret(spec: AppSpec, name: str, kind: str, data: Text) -> Manifest:
    return _manifest("v1", "Secret", spec, name, type=kind, data=data)


def volume(spec: AppSpec, claim_uid: Text) -> Manifest:
    """The adopted block volume, as a PersistentVolume for this app's claim. It stays when the claim goes.

    claim_uid: a volume that stayed when its namespace was deleted still holds the uid of the claim before, and is bound to no other.
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
    manifest["metadata"]["labels"] |= on_destroy(spec.retained)
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
    # If the class waits for the first pod, Pulumi would wait until the claim is Pending; a claim that was kept is Bound for ever (source:
    # pulumi-kubernetes, await/awaiters.go, and its issue 4179). The Deployment waits for it in any case.
    manifest["metadata"]["annotations"] = {**PATCH_FORCE, "pulumi.com/skipAwait": "true"}
    manifest["metadata"]["labels"] |= on_destroy(spec.retained)
    return manifest


def deployment(spec: AppSpec, image: Text) -> Manifest:
    """The app's pods. image: reference by digest."""
    # A volume on one node must be released before another pod can have it.
    one_at_a_time = spec.access_mode == "ReadWriteOnce"
    found_by = {**labels(spec), **_selector(spec), "ver": _label_value(spec.version)}
    pod = {
        "metadata": {
            "labels": found_by,
            # Files of a secret change in a running pod, but apps read them when they start.
            "annotations": {"checksum/files": spec.fingerprint},
        },
        "spec": pod_spec(spec.container, image, spec.cpus, spec.pull_secret, spec.files_secret, spec.claim),
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


def network_policy(spec: AppSpec) -> Manifest:
    """In: only the app's port. Out: everything but the metadata service, which would let a program act as the node.

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
            "ingress": [{"ports": [{"port": spec.container.port, "protocol": "TCP"}]}],
            "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}],
        },
    )


def service(spec: AppSpec, load_balancer: LoadBalancerSpec, annotations: Mapping[str, Text]) -> Manifest:
    """The app behind a load balancer."""
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
