"""What the tests of the emulated Oracle Cloud share: its cloud on a host that only takes notes, and complete inputs of every type."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import paths
from sandbox.kubernetes.specs import ClusterSpec, ClusterState, NodeSpec, NodeState
from sandbox.machine import FirewallRule, MachineSpec, MachineState
from sandbox.oci.catalogue import KINDS, RESOURCES
from sandbox.oci.cloud import AVAILABILITY_DOMAINS, Cloud, Record
from sandbox.oci.services.containerengine import VERSIONS
from sandbox.oci.services.containerengine_images import NODE_IMAGES
from sandbox.oci.services.core_images import image_id
from sandbox.oci.services.core_routing import SERVICES

TENANCY = paths.TENANCY_OCID
OTHER = "ocid1.tenancy.oc1..another"
FIRST, SECOND = AVAILABILITY_DOMAINS[:2]
DEVICE = "/dev/oracleoci/oraclevdb"
IMAGE = image_id("Oracle-Linux-9.6-aarch64-2025.09.16-0")
ALL_SERVICES = SERVICES[0]["id"]

TYPES = {resource.type.rsplit(":", 1)[1]: resource for resource in RESOURCES.values()}


@dataclass
class Machines:
    """Records calls in `calls` and running machines in `running`."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    running: dict[str, MachineState] = field(default_factory=dict)
    firewall: dict[str, list[FirewallRule]] = field(default_factory=dict)
    failing: str = ""
    meanwhile: Callable[[], object] = lambda: None

    def _note(self, call: str, *values: Any) -> None:
        self.calls.append((call, *values))
        if call == self.failing:
            raise RuntimeError(f"{call} failed")

    def create(self, spec: MachineSpec) -> MachineState:
        self._note("create", spec)
        self.running[spec.name] = MachineState(True, f"10.189.0.{10 + len(self.running)}")
        return self.running[spec.name]

    def inspect(self, name: str) -> MachineState | None:
        return self.running.get(name)

    def remove(self, name: str) -> None:
        self._note("remove", name)
        self.running.pop(name, None)

    def resize(self, name: str, cpus: float, memory_gb: float) -> None:
        self._note("resize", name, cpus, memory_gb)
        state = self.running.pop(name)
        self.meanwhile()
        self.running[name] = state

    def set_firewall(self, name: str, rules: Sequence[FirewallRule]) -> None:
        self._note("set_firewall", name)
        self.firewall[name] = list(rules)

    def attach(self, name: str, device: str, image: Path) -> None:
        self._note("attach", name, device, image)

    def detach(self, name: str, device: str) -> None:
        self._note("detach", name, device)


@dataclass
class Volumes:
    """Makes empty files."""

    sizes: dict[Path, int] = field(default_factory=dict)

    def create(self, path: Path, size_gb: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.sizes[path] = size_gb

    def delete(self, path: Path) -> None:
        path.unlink(missing_ok=True)


@dataclass
class Registry:
    """Keeps the names of the repositories that it deleted."""

    deleted: list[tuple[str, str]] = field(default_factory=list)

    def delete_repository(self, namespace: str, name: str) -> None:
        self.deleted.append((namespace, name))


@dataclass
class Clusters:
    """Keeps what it was asked for, and which there are."""

    specs: list[ClusterSpec] = field(default_factory=list)
    running: dict[str, ClusterState] = field(default_factory=dict)
    failing: bool = False

    def create(self, spec: ClusterSpec) -> ClusterState:
        self.specs.append(spec)
        if self.failing:
            raise RuntimeError("create failed")
        self.running[spec.name] = ClusterState(True, f"10.189.0.{100 + len(self.running)}")
        return self.running[spec.name]

    def inspect(self, name: str) -> ClusterState | None:
        return self.running.get(name)

    def authority(self, name: str) -> bytes:
        return b"certificate"

    def remove(self, name: str) -> None:
        self.running.pop(name, None)


@dataclass
class Nodes:
    """As Clusters."""

    specs: list[NodeSpec] = field(default_factory=list)
    running: dict[str, NodeState] = field(default_factory=dict)
    failing: bool = False

    def create(self, spec: NodeSpec) -> NodeState:
        self.specs.append(spec)
        if self.failing:
            raise RuntimeError("create failed")
        self.running[spec.name] = NodeState(True, f"10.189.0.{150 + len(self.running)}")
        return self.running[spec.name]

    def inspect(self, name: str) -> NodeState | None:
        return self.running.get(name)

    def remove(self, name: str, cluster_name: str) -> None:
        self.running.pop(name, None)


@dataclass
class Host:
    """All of it."""

    machines: Machines = field(default_factory=Machines)
    volumes: Volumes = field(default_factory=Volumes)
    registry: Registry = field(default_factory=Registry)
    clusters: Clusters = field(default_factory=Clusters)
    nodes: Nodes = field(default_factory=Nodes)


class Tenancy:
    """The emulator's cloud, used the way the provider uses it: what does not pass the check is not made."""

    def __init__(self, root: Path) -> None:
        self.host = Host()
        self.cloud = Cloud(root / "cloud", self.host, KINDS)

    def make(self, type_name: str, **inputs: Any) -> Record:
        """Make a resource of this type from complete inputs with these changes."""
        resource = TYPES[type_name]
        given, problems = resource.checked(self.inputs(type_name, **inputs))
        assert not problems, problems
        return resource.create(self.cloud, given)

    def update(self, type_name: str, record: Record, **inputs: Any) -> Record:
        """Change a resource in place."""
        resource = TYPES[type_name]
        given, problems = resource.checked(self.inputs(type_name, **inputs))
        assert not problems, problems
        return resource.update(self.cloud, record.id, given)

    def delete(self, record: Record) -> None:
        """Delete a resource."""
        KINDS[record.kind].delete(self.cloud, record.id)

    def read(self, record: Record) -> Record | None:
        """The resource as a refresh sees it."""
        return KINDS[record.kind].read(self.cloud, record.id)

    def inputs(self, type_name: str, **changes: Any) -> dict[str, Any]:
        """Complete inputs; OCIDs that are not given are those of resources made for the purpose. None leaves an input out."""
        given: dict[str, Any] = {"compartmentId": TENANCY} if type_name not in ("VolumeAttachment", RULE) else {}
        given |= _plain_inputs(type_name) | changes
        if type_name == "Cluster":
            given = self._cluster_inputs(given)
        if type_name == "NodePool":
            given = self._node_pool_inputs(given)
        for name, needed in _NEEDED.get(type_name, {}).items():
            if name not in changes:
                given[name] = self._of(needed, changes)
        if type_name == "Instance" and "createVnicDetails" not in changes:
            given["createVnicDetails"] = {"subnetId": self.make("Subnet").id}
        return {name: value for name, value in given.items() if value is not None}

    def _cluster_inputs(self, given: dict[str, Any]) -> dict[str, Any]:
        """Create it in its own VCN by default."""
        vcn = given.get("vcnId") or self.make("Vcn").id
        if "endpointConfig" not in given:
            given["endpointConfig"] = {"subnetId": self.make("Subnet", vcnId=vcn).id, "isPublicIpEnabled": True}
        return {**given, "vcnId": vcn}

    def _node_pool_inputs(self, given: dict[str, Any]) -> dict[str, Any]:
        """Create it in its own cluster and subnet by default."""
        cluster = given.get("clusterId") or self.make("Cluster").id
        if "nodeConfigDetails" not in given:
            record = self.cloud.require(cluster, "cluster")
            subnet = self.make("Subnet", vcnId=record.properties["vcnId"], cidrBlock="10.0.9.0/24", dnsLabel="nodes").id
            placement = {"availabilityDomain": FIRST, "subnetId": subnet}
            given["nodeConfigDetails"] = {"size": 1, "placementConfigs": [placement]}
        return {**given, "clusterId": cluster}

    def _of(self, needed: str, changes: Mapping[str, Any]) -> str:
        made = self.make(needed)
        return made.id


def custom_image(tenancy: Tenancy) -> str:
    """Put an image of somebody's own beside the platforms', one that cannot be encrypted in transit, and return its OCID."""
    image = {
        "displayName": "my own",
        "operatingSystem": "Oracle Linux",
        "operatingSystemVersion": "9",
        "processor": "aarch64",
        "timeCreated": "2026-01-01 12:00:00.000 +0000 UTC",
        "compartmentId": TENANCY,
        "isPvEncryptionInTransitEnabled": False,
    }
    tenancy.cloud.root.mkdir(exist_ok=True)
    (tenancy.cloud.root / "images.json").write_text(json.dumps([image]))
    return image_id("my own")


RULE = "NetworkSecurityGroupSecurityRule"
_NEEDED = {
    **{name: {"vcnId": "Vcn"} for name in ("Subnet", "InternetGateway", "NatGateway", "ServiceGateway", "RouteTable")},
    **{name: {"vcnId": "Vcn"} for name in ("SecurityList", "NetworkSecurityGroup")},
    RULE: {"networkSecurityGroupId": "NetworkSecurityGroup"},
    "VolumeAttachment": {"instanceId": "Instance", "volumeId": "Volume"},
}


def _plain_inputs(type_name: str) -> dict[str, Any]:
    """Inputs which need no other resource."""
    every: dict[str, dict[str, Any]] = {
        "Vcn": {"cidrBlocks": ["10.0.0.0/16"], "dnsLabel": "vcn"},
        "Subnet": {"cidrBlock": "10.0.0.0/24", "dnsLabel": "subnet"},
        "ServiceGateway": {"services": [{"serviceId": ALL_SERVICES}]},
        RULE: {
            "direction": "INGRESS",
            "protocol": "6",
            "source": "203.0.113.0/24",
            "tcpOptions": {"destinationPortRange": {"min": 22, "max": 22}},
        },
        "Volume": {"availabilityDomain": FIRST, "sizeInGbs": "50"},
        "VolumeAttachment": {"attachmentType": "paravirtualized", "device": DEVICE},
        "ContainerRepository": {"displayName": "team/app"},
        "Cluster": {"name": "cluster", "kubernetesVersion": VERSIONS[0]},
        "NodePool": {
            "name": "nodes",
            "kubernetesVersion": VERSIONS[0],
            "nodeShape": "VM.Standard.A1.Flex",
            "nodeShapeConfig": {"ocpus": 2, "memoryInGbs": 12},
            "nodeSourceDetails": {"sourceType": "IMAGE", "imageId": next(iter(NODE_IMAGES))},
        },
        "Instance": {
            "availabilityDomain": FIRST,
            "shape": "VM.Standard.A1.Flex",
            "shapeConfig": {"ocpus": 2, "memoryInGbs": 12},
            "sourceDetails": {"sourceType": "image", "sourceId": IMAGE, "bootVolumeSizeInGbs": "50"},
            "metadata": {"ssh_authorized_keys": "ssh-ed25519 AAAA me", "user_data": "I2Nsb3VkLWNvbmZpZwo="},
        },
    }
    return every.get(type_name, {})
