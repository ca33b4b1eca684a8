"""A host for Oracle Cloud's stand-in on which everything is said to run and nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import paths
from sandbox.kubernetes.specs import ClusterSpec, ClusterState, NodeSpec, NodeState
from sandbox.machine import FirewallRule, MachineSpec, MachineState

# For documentation, so nobody answers at it (RFC 5737).
MACHINE = "192.0.2.10"
# Loopback, so that a preview is refused at once by a cluster that is not there, instead of waiting for it.
CLUSTER = "127.255.255.254"


class FakeMachines:
    """Every machine runs."""

    def create(self, spec: MachineSpec) -> MachineState:
        """Say that it runs."""
        return MachineState(True, MACHINE)

    def inspect(self, name: str) -> MachineState | None:
        """It runs."""
        return MachineState(True, MACHINE)

    def remove(self, name: str) -> None:
        """There is none."""

    def resize(self, name: str, cpus: float, memory_gb: float) -> None:
        """There is none."""

    def set_firewall(self, name: str, rules: Sequence[FirewallRule]) -> None:
        """There is none."""

    def attach(self, name: str, device: str, image: Path) -> None:
        """There is none."""

    def detach(self, name: str, device: str) -> None:
        """There is none."""


class FakeVolumes:
    """A volume is an empty file: its being there is what a refresh looks at."""

    def create(self, path: Path, size_gb: int) -> None:
        """Make the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def delete(self, path: Path) -> None:
        """Delete the file."""
        path.unlink(missing_ok=True)


class FakeRegistry:
    """No image is anywhere."""

    def delete_repository(self, namespace: str, name: str) -> None:
        """There is none."""


class FakeClusters:
    """Every cluster runs."""

    def create(self, spec: ClusterSpec) -> ClusterState:
        """Say that it runs."""
        return ClusterState(True, CLUSTER)

    def inspect(self, name: str) -> ClusterState | None:
        """It runs."""
        return ClusterState(True, CLUSTER)

    def authority(self, name: str) -> bytes:
        """Some certificate: nothing is signed by it."""
        return (paths.REGISTRY / "tls" / "ca.pem").read_bytes()

    def remove(self, name: str) -> None:
        """There is none."""


class FakeNodes:
    """Every node runs."""

    def create(self, spec: NodeSpec) -> NodeState:
        """Say that it runs."""
        return NodeState(True, MACHINE)

    def inspect(self, name: str) -> NodeState | None:
        """It runs."""
        return NodeState(True, MACHINE)

    def remove(self, name: str, cluster_name: str) -> None:
        """There is none."""


@dataclass(frozen=True)
class FakeHost:
    """All of it."""

    machines: FakeMachines = field(default_factory=FakeMachines)
    volumes: FakeVolumes = field(default_factory=FakeVolumes)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    clusters: FakeClusters = field(default_factory=FakeClusters)
    nodes: FakeNodes = field(default_factory=FakeNodes)
