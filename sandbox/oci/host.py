"""What the cloud has its machines, volumes and images made by: the host side of the sandbox, or what a test gives instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sandbox.kubernetes.specs import ClusterSpec, ClusterState, NodeSpec, NodeState
from sandbox.machine import FirewallRule, MachineSpec, MachineState


class Machines(Protocol):
    """What is used of sandbox.machine."""

    def create(self, spec: MachineSpec) -> MachineState:
        """Make and start one."""

    def inspect(self, name: str) -> MachineState | None:
        """What it is doing; None when there is none."""

    def remove(self, name: str) -> None:
        """Shut down and remove; content when it is gone."""

    def resize(self, name: str, cpus: float, memory_gb: float) -> None:
        """Give it another shape and reboot it."""

    def set_firewall(self, name: str, rules: Sequence[FirewallRule]) -> None:
        """Let these kinds of traffic through and no other."""

    def attach(self, name: str, device: str, image: Path) -> None:
        """Put a volume into it."""

    def detach(self, name: str, device: str) -> None:
        """Take a volume out of it."""


class Volumes(Protocol):
    """What is used of sandbox.volume."""

    def create(self, path: Path, size_gb: int) -> None:
        """Make one, or make it larger."""

    def delete(self, path: Path) -> None:
        """Delete it; content when it is gone."""


class Registry(Protocol):
    """What is used of sandbox.registry."""

    def delete_repository(self, namespace: str, name: str) -> None:
        """Delete all images of a repository; content when there are none."""


class Clusters(Protocol):
    """What is used of sandbox.kubernetes.cluster."""

    def create(self, spec: ClusterSpec) -> ClusterState:
        """Make a control plane; back when its API is ready."""

    def inspect(self, name: str) -> ClusterState | None:
        """What it is doing; None when there is none."""

    def authority(self, name: str) -> bytes:
        """The certificate to trust its API by."""

    def remove(self, name: str) -> None:
        """Delete it; content when it is gone."""


class Nodes(Protocol):
    """What is used of sandbox.kubernetes.node."""

    def create(self, spec: NodeSpec) -> NodeState:
        """Make one and have it join its cluster."""

    def inspect(self, name: str) -> NodeState | None:
        """What it is doing; None when there is none."""

    def remove(self, name: str, cluster_name: str) -> None:
        """Take it out of its cluster and delete it; content when it is gone."""


class Host(Protocol):
    """All of it."""

    @property
    def machines(self) -> Machines:
        """Plays the hypervisors."""

    @property
    def volumes(self) -> Volumes:
        """Plays the block storage."""

    @property
    def registry(self) -> Registry:
        """Plays OCIR."""

    @property
    def clusters(self) -> Clusters:
        """Plays OKE."""

    @property
    def nodes(self) -> Nodes:
        """Plays OKE's instances."""


@dataclass(frozen=True)
class ThisHost:
    """The real one. Its modules are loaded when they are needed: a preview needs none of them."""

    @property
    def machines(self) -> Machines:
        """Containers with systemd."""
        from sandbox import machine

        return machine

    @property
    def volumes(self) -> Volumes:
        """Sparse files."""
        from sandbox import volume

        return volume

    @property
    def registry(self) -> Registry:
        """docker-registry."""
        from sandbox import registry

        return registry

    @property
    def clusters(self) -> Clusters:
        """Containers with a control plane."""
        from sandbox.kubernetes import cluster

        return cluster

    @property
    def nodes(self) -> Nodes:
        """Containers with a kubelet."""
        from sandbox.kubernetes import node

        return node
