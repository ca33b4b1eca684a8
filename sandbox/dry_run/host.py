"""A fake host of the emulated cloud: it reports that everything runs and creates nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import paths
from sandbox.kubernetes.specs import ClusterSpec, ClusterState, NodeSpec, NodeState
from sandbox.machine import FirewallRule, MachineSpec, MachineState

# An address for documentation, where nothing answers (RFC 5737).
MACHINE = "192.0.2.10"
# A loopback address, where a connection to the missing cluster fails immediately.
CLUSTER = "127.255.255.254"


class FakeMachines:
    """Every machine runs."""

    def create(self, spec: MachineSpec) -> MachineState:
        """Report that it runs."""
        return MachineState(True, MACHINE)

    def inspect(self, name: str) -> MachineState | None:
        """Report that it runs."""
        return MachineState(True, MACHINE)

    def remove(self, name: str) -> None:
        """Do nothing."""

    def resize(self, name: str, cpus: float, memory_gb: float) -> None:
        """Do nothing."""

    def set_firewall(self, name: str, rules: Sequence[FirewallRule]) -> None:
        """Do nothing."""

    def attach(self, name: str, device: str, image: Path) -> None:
        """Do nothing."""

    def detach(self, name: str, device: str) -> None:
        """Do nothing."""


class FakeVolumes:
    """A volume is an empty file, because a refresh checks that it exists."""

    def create(self, path: Path, size_gb: int) -> None:
        """Create the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def delete(self, path: Path) -> None:
        """Delete the file."""
        path.unlink(missing_ok=True)


class FakeRegistry:
    """There are no images."""

    def delete_repository(self, namespace: str, name: str) -> None:
        """Do nothing."""


class FakeClusters:
    """Every cluster runs."""

    def create(self, spec: ClusterSpec) -> ClusterState:
        """Report that it runs."""
        return ClusterState(True, CLUSTER)

    def inspect(self, name: str) -> ClusterState | None:
        """Report that it runs."""
        return ClusterState(True, CLUSTER)

    def authority(self, name: str) -> bytes:
        """Return any certificate; nothing uses it."""
        return (paths.REGISTRY / "tls" / "ca.pem").read_bytes()

    def remove(self, name: str) -> None:
        """Do nothing."""


class FakeNodes:
    """Every node runs."""

    def create(self, spec: NodeSpec) -> NodeState:
        """Report that it runs."""
        return NodeState(True, MACHINE)

    def inspect(self, name: str) -> NodeState | None:
        """Report that it runs."""
        return NodeState(True, MACHINE)

    def remove(self, name: str, cluster_name: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class FakeHost:
    """All parts of the host."""

    machines: FakeMachines = field(default_factory=FakeMachines)
    volumes: FakeVolumes = field(default_factory=FakeVolumes)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    clusters: FakeClusters = field(default_factory=FakeClusters)
    nodes: FakeNodes = field(default_factory=FakeNodes)
