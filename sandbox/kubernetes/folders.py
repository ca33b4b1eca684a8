"""Folders and fixed values of clusters and nodes; paths are the same on the host and in containers."""

from __future__ import annotations

from pathlib import Path

from sandbox import account, paths

CLUSTER_PREFIX = "sandbox-cluster-"
NODE_PREFIX = "sandbox-node-"
LOAD_BALANCER_PREFIX = "sandbox-lb-"
PORT = 6443
PODS, SERVICES = "10.244.0.0/16", "10.96.0.0/16"
# The control plane checks tokens with it; the private key stays on the host.
PUBLIC_KEY = account.API_PUBLIC_KEY


def of(name: str) -> Path:
    """Return the folder of a cluster (pki/, etcd/, log/, admin.conf, spec.json) or node (pki/, log/, kubelet.conf, …)."""
    return paths.MACHINES / name


def attached(cluster: str) -> Path:
    """Return the folder with an empty file for each attached volume, named by its OCID."""
    return of(cluster) / "attached"


def admin(cluster: str) -> Path:
    """Return the kubeconfig of the emulated controllers; the program never uses it."""
    return of(cluster) / "admin.conf"
