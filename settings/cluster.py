"""The cluster, and how the app runs in it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Json

from settings import rules
from settings.errors import wrong
from settings.key import Form, Section, key, ocid
from settings.network import OwnNetwork
from specs import cluster


class ClusterSettings(Section):
    """The cluster."""

    api_networks: Json[list[OwnNetwork]] = key(
        [],
        "Networks that may reach the cluster's API (6443/tcp), as CIDRs. Must be set unless clusterId is.",
        example="203.0.113.7/32",
    )
    cluster_id: Annotated[str, ocid("cluster")] = key(
        "",
        "OCID of an existing OKE cluster; the stack then makes neither cluster nor network, and loadBalancerSubnetId must be set.",
        example="ocid1.cluster.oc1.eu-frankfurt-1.example",
    )
    private_api_endpoint: bool = key(False, "Reach the API of the cluster of clusterId at its private endpoint.")
    kubernetes_version: Annotated[str, Form(r"^(v[0-9]+\.[0-9]+\.[0-9]+)?$", "a version such as v1.34.1")] = key(
        "",
        "Version of the cluster and its nodes, such as v1.34.1; the newest that OKE serves at creation when empty.",
        example="v1.34.1",
    )
    node_count: int = key(1, "Nodes of the cluster. Always Free covers one of 2 OCPU and 12 GB.", ge=1, le=1000)
    replicas: int = key(
        1,
        "Pods of the app. More than one needs accessMode ReadWriteMany, and JupyterLab takes one.",
        ge=0,
        le=100,
    )
    storage_class: Annotated[
        str,
        Form(
            r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
            "the name of a storage class, as `kubectl get storageclass` shows it",
        ),
    ] = key(
        "oci-bv",
        "Storage class of the data volume. A claim keeps its class: the cluster refuses a change while the claim is retained.",
    )
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] = key(
        "ReadWriteOnce", "ReadWriteOnce (one node at a time, as block volumes are) or ReadWriteMany."
    )
    retain_claim: bool = key(
        True,
        "Keep the PersistentVolumeClaim with the data, and its namespace, when the stack is destroyed. The next stack of the same name in "
        "that cluster adopts them.",
    )

    def problems(self) -> Iterable[str]:
        """Errors of the pods and their volume."""
        if self.access_mode == "ReadWriteMany" and self.storage_class == "oci-bv":
            yield wrong(
                "accessMode",
                "is ReadWriteMany, but block volumes (storageClass oci-bv) support only ReadWriteOnce",
                "ReadWriteOnce",
            )

    def network_problems(self, vcn: ipaddress.IPv4Network) -> Iterable[str]:
        """Errors of a cluster and a network that the stack makes."""
        yield from rules.network_errors("apiNetworks", self.api_networks)
        if not self.api_networks:
            yield wrong("apiNetworks", "is empty: nobody could reach the Kubernetes API, not even this program")
        if self.private_api_endpoint:
            message = "is for an existing cluster (clusterId); the stack's own has a public one"
            yield wrong("privateApiEndpoint", message, "false")
        if not 16 <= vcn.prefixlen <= cluster.SMALLEST_VCN_PREFIX:
            message = f"is {vcn}; the subnets of a cluster take a prefix of /16 to /{cluster.SMALLEST_VCN_PREFIX}"
            yield wrong("vcnCidr", message)
        for name, taken in (("pods", cluster.PODS_CIDR), ("Services", cluster.SERVICES_CIDR)):
            if vcn.overlaps(ipaddress.IPv4Network(taken)):
                yield wrong("vcnCidr", f"is {vcn}, which overlaps {taken}, the addresses of the cluster's {name}")
