"""What clusters and nodes are made from, and what is seen of them. Loads nothing else: a preview needs no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.kubernetes import folders


@dataclass(frozen=True)
class ClusterSpec:
    """What a control plane is made from.

    name: the container's; id: the cluster's OCID; compartment: the OCID load balancers and volumes are made in;
    load_balancer_subnets: OCIDs for Services that name none; pods, services: CIDRs.
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
    """What a node is made from.

    name: the container's; cluster: its control plane's container; id: the instance's OCID; zone: the availability domain, short; shape: of
    the cloud; cpus, memory_gb: what pods may use of the host; labels: further ones of the Node; pods: the cluster's CIDR of pods.
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
    """address: on the sandbox's network; also the Node's name in Kubernetes, as the private address is on OKE."""

    running: bool
    address: str
