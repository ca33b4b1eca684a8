"""Inputs and states of clusters and nodes. It loads no other code, because previews need it too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.kubernetes import folders


@dataclass(frozen=True)
class ClusterSpec:
    """The inputs of a control plane.

    name: of the container; id: OCID of the cluster; compartment: OCID, for load balancers and volumes; load_balancer_subnets: OCIDs for
    Services without a subnet; pods, services: CIDRs.
    """

    name: str
    id: str
    compartment: str
    load_balancer_subnets: tuple[str, ...] = ()
    pods: str = folders.PODS
    services: str = folders.SERVICES

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"{folders.CLUSTER_PREFIX}[a-z0-9-]+", self.name):
            raise ValueError(f"name: {self.name!r} is not {folders.CLUSTER_PREFIX}<letters, digits, hyphens>")


@dataclass(frozen=True)
class ClusterState:
    """address: of the API server, on the sandbox's network, port 6443."""

    running: bool
    address: str


@dataclass(frozen=True)
class NodeSpec:
    """The inputs of a node.

    name: of the container; cluster: container of its control plane; id: OCID of the instance; zone: short name of the availability domain;
    shape: of the cloud; cpus, memory_gb: limits for pods; labels: additional labels of the Node; pods: CIDR of the cluster's pods.
    """

    name: str
    cluster: str
    id: str
    zone: str
    shape: str
    cpus: float
    memory_gb: float
    labels: Mapping[str, str] = field(default_factory=dict)
    pods: str = folders.PODS

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"{folders.NODE_PREFIX}[a-z0-9-]+", self.name):
            raise ValueError(f"name: {self.name!r} is not {folders.NODE_PREFIX}<letters, digits, hyphens>")


@dataclass(frozen=True)
class NodeState:
    """address: on the sandbox's network, and the name of the Node, like the private address on OKE."""

    running: bool
    address: str
