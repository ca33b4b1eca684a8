"""Where clusters and nodes keep what is theirs: the same paths on the host and in their containers."""

from __future__ import annotations

from pathlib import Path

from sandbox import account, paths

CLUSTER_PREFIX = "sandbox-cluster-"
NODE_PREFIX = "sandbox-node-"
LOAD_BALANCER_PREFIX = "sandbox-lb-"
PORT = 6443
PODS, SERVICES = "10.244.0.0/16", "10.96.0.0/16"
# What the control plane checks tokens with; the private key stays outside.
PUBLIC_KEY = account.API_PUBLIC_KEY


def of(name: str) -> Path:
    """The folder of a cluster or node. A cluster's: pki/, etcd/, log/, admin.conf, spec.json; a node's: pki/, log/, kubelet.conf, …"""
    return paths.MACHINES / name


def attached(cluster: str) -> Path:
    """A folder with an empty file for each volume that is attached for the cluster, named by its OCID."""
    return of(cluster) / "attached"


def admin(cluster: str) -> Path:
    """The kubeconfig of the cluster's own operators, Oracle's side; it never reaches the program."""
    return of(cluster) / "admin.conf"
