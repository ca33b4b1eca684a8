"""Container Engine for Kubernetes: node pools. A node is a container with a kubelet, which joins the cluster.

Inputs as in containerengine_node_pool_resource.go. Changes of shape, image, metadata or labels are for nodes that are made afterwards, as
on OKE without node cycling. The pool does not replace a node that was removed by hand by itself, as OKE does: a refresh finds it smaller,
and the next update makes it whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from sandbox.kubernetes.folders import NODE_PREFIX
from sandbox.kubernetes.specs import NodeSpec
from sandbox.oci import checks
from sandbox.oci.cloud import Cloud, Record, new_id
from sandbox.oci.declare import ANY_CASE, KEEP, REPLACE, SET, TAGS, UPDATE, Inputs, Reference, Table
from sandbox.oci.errors import Problem, invalid, not_found
from sandbox.oci.resource import Resource
from sandbox.oci.services.containerengine import MOST_GROUPS, version
from sandbox.oci.services.containerengine_images import NODE_IMAGES
from sandbox.oci.services.core_blockstorage import LARGEST_GB, SMALLEST_GB
from sandbox.oci.services.core_network import same_vcn
from sandbox.oci.services.shapes import SHAPES
from sandbox.oci.services.slow import SlowResource
from sandbox.oci.values import at
from sandbox.oci.wire import UNKNOWN, Properties

_REQUIRED = ("name", "nodeConfigDetails", "nodeSourceDetails", "kubernetesVersion")
# What one machine bears.
MOST_NODES = 5


class NodePool(SlowResource):
    """A pool of like nodes. private: nodes, each with container, id, availabilityDomain and subnetId."""

    type = "oci:ContainerEngine/nodePool:NodePool"
    kind = "nodepool"
    title = "NodePool"
    inputs = Inputs(
        {
            **TAGS,
            "clusterId": REPLACE,
            "compartmentId": REPLACE,
            "name": KEEP,
            "kubernetesVersion": KEEP,
            "nodeShape": UPDATE,
            "nodeShapeConfig": KEEP,
            "nodeShapeConfig.ocpus": KEEP,
            "nodeShapeConfig.memoryInGbs": KEEP,
            "nodeSourceDetails": KEEP,
            "nodeSourceDetails.sourceType": ANY_CASE,
            "nodeSourceDetails.imageId": UPDATE,
            "nodeSourceDetails.bootVolumeSizeInGbs": KEEP,
            "nodeConfigDetails": KEEP,
            "nodeConfigDetails.size": UPDATE,
            "nodeConfigDetails.nsgIds": KEEP | SET,
            "nodeConfigDetails.placementConfigs": SET,
            "nodeConfigDetails.placementConfigs.availabilityDomain": ANY_CASE,
            "nodeConfigDetails.placementConfigs.subnetId": UPDATE,
            "nodeConfigDetails.isPvEncryptionInTransitEnabled": KEEP,
            "nodeConfigDetails.nodePoolPodNetworkOptionDetails": KEEP,
            "nodeConfigDetails.nodePoolPodNetworkOptionDetails.cniType": REPLACE,
            "initialNodeLabels": KEEP,
            # Kept and told, without effect: a node of the sandbox runs no cloud-init.
            "nodeMetadata": KEEP,
            "sshPublicKey": KEEP,
            "nodeEvictionNodePoolSettings": KEEP,
            "nodeEvictionNodePoolSettings.evictionGraceDuration": KEEP,
            "nodeEvictionNodePoolSettings.isForceActionAfterGraceDuration": KEEP,
            "nodeEvictionNodePoolSettings.isForceDeleteAfterGraceDuration": KEEP,
        }
    )
    checks = Table(
        {
            "name": checks.display_name,
            "kubernetesVersion": version,
            "nodeShape": checks.one_of(*SHAPES),
            "nodeSourceDetails.sourceType": checks.one_of("IMAGE", any_case=True),
            "nodeSourceDetails.bootVolumeSizeInGbs": checks.whole_text(SMALLEST_GB, LARGEST_GB),
            "nodeConfigDetails.size": checks.between(0, MOST_NODES),
            "nodeConfigDetails.placementConfigs.availabilityDomain": checks.availability_domain,
            "nodeConfigDetails.nodePoolPodNetworkOptionDetails.cniType": checks.one_of("FLANNEL_OVERLAY"),
            # source: OKE API, NodeEvictionNodePoolSettings: 0 to 60 minutes.
            "nodeEvictionNodePoolSettings.evictionGraceDuration": checks.matches(
                r"PT(60|[0-5]?\d)M", "0 to 60 minutes, such as PT30M"
            ),
        }
    )
    references = Table(
        {
            "clusterId": Reference(("cluster",)),
            "nodeConfigDetails.placementConfigs.subnetId": Reference(("subnet",)),
            "nodeConfigDetails.nsgIds": Reference(("networksecuritygroup",)),
        }
    )

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        for name in _REQUIRED:
            if name not in inputs:
                yield Problem(
                    name, "is required (node pools without it are not supported by the sandbox's Oracle Cloud)"
                )
        details = inputs.get("nodeConfigDetails", UNKNOWN)
        if details is not UNKNOWN:
            placements = details.get("placementConfigs", UNKNOWN)
            if placements is not UNKNOWN and not placements:
                yield Problem(
                    "nodeConfigDetails.placementConfigs", "must name a subnet and availability domain at least"
                )
            groups = details.get("nsgIds", UNKNOWN)
            if details.get("isPvEncryptionInTransitEnabled"):
                yield Problem(
                    "nodeConfigDetails.isPvEncryptionInTransitEnabled",
                    "is for nodes to which Oracle's driver attaches no volume of the class oci-bv (bv_controller.go, "
                    "ControllerPublishVolume)",
                )
            if groups is not UNKNOWN and len(groups) > MOST_GROUPS:
                yield Problem("nodeConfigDetails.nsgIds", f"must name {MOST_GROUPS} network security groups at most")
        if inputs.get("nodeShape", UNKNOWN) is not UNKNOWN and inputs["nodeShape"] in SHAPES:
            for problem in SHAPES[inputs["nodeShape"]].problems(inputs.get("nodeShapeConfig")):
                yield Problem(f"nodeShapeConfig.{problem.path.rpartition('.')[2]}", problem.reason)

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        return {
            "lifecycleDetails": "",
            "nodes": [],
            "nodeMetadata": {},
            "initialNodeLabels": [],
            "quantityPerSubnet": 0,
            "sshPublicKey": "",
            "subnetIds": [],
            "nodeConfigDetails": {
                "isPvEncryptionInTransitEnabled": False,
                "nsgIds": [],
                "nodePoolPodNetworkOptionDetails": {"cniType": "FLANNEL_OVERLAY"},
            },
            "nodeSourceDetails": {"bootVolumeSizeInGbs": str(SMALLEST_GB)},
            "nodeEvictionNodePoolSettings": {
                "evictionGraceDuration": "PT60M",
                "isForceActionAfterGraceDuration": False,
                "isForceDeleteAfterGraceDuration": False,
            },
        }

    @override
    def derived(self, properties: Properties) -> Properties:
        source, config = properties.get("nodeSourceDetails", UNKNOWN), properties.get("nodeShapeConfig", UNKNOWN)
        if (
            UNKNOWN not in (source, config)
            and "memoryInGbs" not in config
            and config.get("ocpus", UNKNOWN) is not UNKNOWN
        ):
            memory = SHAPES[properties["nodeShape"]].default_memory * config["ocpus"]
            properties = {**properties, "nodeShapeConfig": {**config, "memoryInGbs": memory}}
        if source is UNKNOWN or source.get("imageId", UNKNOWN) is UNKNOWN:
            return properties
        name = NODE_IMAGES.get(source["imageId"], "")
        return {
            **properties,
            "nodeSources": [{"imageId": source["imageId"], "sourceName": name, "sourceType": "IMAGE"}],
        }

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        wanted = record.properties
        cluster = cloud.require(wanted["clusterId"], "cluster").properties
        image = wanted["nodeSourceDetails"]["imageId"]
        if image not in NODE_IMAGES:
            raise not_found(f"image {image}")
        if SHAPES[wanted["nodeShape"]].processor not in NODE_IMAGES[image]:
            raise invalid(f"Shape {wanted['nodeShape']} is not valid for image {image}.")
        subnets = at(wanted, "nodeConfigDetails.placementConfigs.subnetId")
        same_vcn(cloud, cluster["vcnId"], "subnet", subnets)
        same_vcn(cloud, cluster["vcnId"], "networksecuritygroup", at(wanted, "nodeConfigDetails.nsgIds"))
        for placement in wanted["nodeConfigDetails"]["placementConfigs"]:
            domain = cloud.require(placement["subnetId"], "subnet").properties.get("availabilityDomain")
            if domain and domain.lower() != placement["availabilityDomain"].lower():
                raise invalid(f"Subnet {placement['subnetId']} is in another availability domain than the nodes.")

    @override
    def named(self, record: Record) -> Record:
        return record.with_private(nodes=[_new(record, index) for index in range(_size(record))])

    @override
    def start(self, cloud: Cloud, record: Record) -> Record:
        for node in record.private["nodes"]:
            cloud.host.nodes.create(_spec(cloud, record, node))
        return record.with_properties(nodes=self._nodes(cloud, record))

    @override
    def stop(self, cloud: Cloud, record: Record) -> None:
        cluster = cloud.get("cluster", record.properties["clusterId"])
        for node in record.private["nodes"]:
            cloud.host.nodes.remove(node["container"], cluster.private["container"] if cluster else "")

    @override
    def there(self, cloud: Cloud, record: Record) -> bool:
        """A pool is gone with its cluster; without nodes it is still a pool."""
        cluster = cloud.get("cluster", record.properties["clusterId"])
        return cluster is not None and cloud.kinds["cluster"].alive(cloud, cluster)

    @override
    def seen(self, cloud: Cloud, record: Record) -> Properties:
        if cloud.claimed(record.id):
            return record.properties
        nodes = self._nodes(cloud, record)
        details = {**record.properties["nodeConfigDetails"], "size": len(nodes)}
        return {**record.properties, "nodes": nodes, "nodeConfigDetails": details}

    @override
    def update(self, cloud: Cloud, id: str, inputs: Properties) -> Record:
        with cloud.claim(id):
            after = super().update(cloud, id, inputs)
            kept = [node for node in after.private["nodes"] if cloud.host.nodes.inspect(node["container"])]
            gone = [node for node in after.private["nodes"] if node not in kept]
            size = _size(after)
            added = [_new(after, index) for index in range(len(kept), size)]
            cluster = cloud.require(after.properties["clusterId"], "cluster")
            wanted = after.with_private(nodes=[*kept, *added])
            # Written first, so that what is made is found again whatever happens.
            with cloud.transaction():
                cloud.put(wanted)
            for node in (*gone, *kept[size:]):
                cloud.host.nodes.remove(node["container"], cluster.private["container"])
            for node in added:
                cloud.host.nodes.create(_spec(cloud, after, node))
            wanted = after.with_private(nodes=[*kept[:size], *added])
            wanted = wanted.with_properties(nodes=self._nodes(cloud, wanted))
            with cloud.transaction():
                cloud.put(wanted)
            return wanted

    def _nodes(self, cloud: Cloud, record: Record) -> list[Properties]:
        found = []
        for node in record.private["nodes"]:
            state = cloud.host.nodes.inspect(node["container"])
            if state is None:
                continue
            # The order of OKE's names: cluster, pool and subnet in short, the number in the pool.
            found.append(
                {
                    "id": node["id"],
                    "name": f"oke-{node['container'][-12:]}",
                    "nodePoolId": record.id,
                    "availabilityDomain": node["availabilityDomain"],
                    "faultDomain": "FAULT-DOMAIN-1",
                    "subnetId": node["subnetId"],
                    "kubernetesVersion": record.properties["kubernetesVersion"],
                    "privateIp": state.address,
                    "publicIp": "",
                    "state": "ACTIVE" if state.running else "INACTIVE",
                    "lifecycleDetails": "",
                    "errors": [],
                }
            )
        return found


def _size(record: Record) -> int:
    return int(record.properties["nodeConfigDetails"]["size"])


def _new(record: Record, index: int) -> dict[str, Any]:
    """A node to be made, in the placements by turns."""
    placements = record.properties["nodeConfigDetails"]["placementConfigs"]
    placement = placements[index % len(placements)]
    return {
        "container": f"{NODE_PREFIX}{record.id[-6:]}{secrets.token_hex(3)}",
        "id": new_id("instance"),
        "availabilityDomain": placement["availabilityDomain"],
        "subnetId": placement["subnetId"],
    }


def _spec(cloud: Cloud, record: Record, node: dict[str, Any]) -> NodeSpec:
    properties = record.properties
    cluster = cloud.require(properties["clusterId"], "cluster")
    config, shape = properties["nodeShapeConfig"], SHAPES[properties["nodeShape"]]
    return NodeSpec(
        name=node["container"],
        cluster=cluster.private["container"],
        id=node["id"],
        # As OKE labels its nodes: without the tenancy's prefix.
        zone=node["availabilityDomain"].partition(":")[2],
        shape=properties["nodeShape"],
        cpus=float(config["ocpus"]) * shape.vcpus,
        memory_gb=float(config["memoryInGbs"]),
        labels={one["key"]: one.get("value", "") for one in properties.get("initialNodeLabels", [])},
        pods=cluster.properties["options"]["kubernetesNetworkConfig"]["podsCidr"],
    )


RESOURCES: tuple[Resource, ...] = (NodePool(),)
