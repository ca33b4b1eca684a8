"""The objects that a new OKE cluster contains."""

from __future__ import annotations

from sandbox import paths
from sandbox.kubernetes.api import Api, Json

DRIVER = "blockvolume.csi.oraclecloud.com"
ZONE = "topology.kubernetes.io/zone"
NODE_AGENTS = "sandbox:node-agents"

_RBAC = "rbac.authorization.k8s.io"
_STORAGE = "storage.k8s.io/v1"


def apply(api: Api) -> None:
    """Create missing objects."""
    for path, body in _objects():
        api.ensure(path, body)


def _objects() -> list[tuple[str, Json]]:
    storage, roles = f"/apis/{_STORAGE}", f"/apis/{_RBAC}/v1"
    read = [
        {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes"], "verbs": ["get", "list"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["get", "list"]},
    ]
    node_agents = {"kind": "ClusterRole", "metadata": {"name": NODE_AGENTS}, "rules": read}
    return [
        (f"{storage}/storageclasses", {"apiVersion": _STORAGE, "kind": "StorageClass", **_oci_bv()}),
        (
            f"{storage}/csidrivers",
            {"metadata": {"name": DRIVER}, "spec": {"attachRequired": True, "podInfoOnMount": False}},
        ),
        (f"{roles}/clusterroles", {"apiVersion": f"{_RBAC}/v1", **node_agents}),
        (f"{roles}/clusterrolebindings", _binding(NODE_AGENTS, NODE_AGENTS, "Group", NODE_AGENTS)),
        # The user has all rights in the tenancy and therefore in its clusters (source: OCI documentation, "About Access Control and
        # Container Engine for Kubernetes").
        (f"{roles}/clusterrolebindings", _binding("oci:administrator", "cluster-admin", "User", paths.USER_OCID)),
        (
            f"{roles}/clusterrolebindings",
            _binding("sandbox:kube-proxy", "system:node-proxier", "User", "system:kube-proxy"),
        ),
    ]


def _oci_bv() -> Json:
    # source: oci-cloud-controller-manager, manifests/container-storage-interface/csi/templates/storage-class.yaml. The sandbox does not
    # support expansion of claims.
    meta = {"name": "oci-bv", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    return {
        "metadata": meta,
        "provisioner": DRIVER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": False,
    }


def _binding(name: str, role: str, kind: str, subject: str) -> Json:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": kind, "name": subject}],
    }
