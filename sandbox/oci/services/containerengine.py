"""Container Engine for Kubernetes (OKE): clusters. A cluster is a control plane of the sandbox, a container with real Kubernetes.

Inputs as in containerengine_cluster_resource.go: `ForceNew` marks what replaces, and its CustomizeDiff adds the endpoint's subnet. There is
one version of Kubernetes, the one that the sandbox builds. Done are clusters with a VCN-native endpoint and the flannel overlay.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from sandbox import paths
from sandbox.kubernetes.folders import CLUSTER_PREFIX, PODS, PORT, SERVICES
from sandbox.kubernetes.specs import ClusterSpec
from sandbox.oci import checks
from sandbox.oci.cloud import Cloud, Record, now
from sandbox.oci.declare import CUSTOM, KEEP, REPLACE, SET, TAGS, UPDATE, Inputs, Reference, Table
from sandbox.oci.errors import Problem, invalid
from sandbox.oci.resource import Resource
from sandbox.oci.services.core_network import same_vcn
from sandbox.oci.services.slow import SlowResource
from sandbox.oci.wire import UNKNOWN, Properties
from sandbox.toolchain.tools import KUBERNETES_VERSION

# As OKE writes them.
VERSIONS = (f"v{KUBERNETES_VERSION}",)
# source: OCI documentation, "Network Security Groups", "Limits".
MOST_GROUPS = 5


def version(value: Any) -> str | None:
    """A version of Kubernetes that the sandbox has."""
    return None if value in VERSIONS else f"must be one of: {', '.join(VERSIONS)} (the sandbox has one version)"


class Cluster(SlowResource):
    """A cluster, without nodes. private: container and address of its control plane."""

    type = "oci:ContainerEngine/cluster:Cluster"
    kind = "cluster"
    title = "Cluster"
    inputs = Inputs(
        {
            **TAGS,
            "compartmentId": REPLACE,
            "vcnId": REPLACE,
            "name": KEEP,
            "kubernetesVersion": UPDATE,
            "type": KEEP,
            "clusterPodNetworkOptions": REPLACE | KEEP,
            "endpointConfig": UPDATE,
            "endpointConfig.subnetId": CUSTOM,
            "endpointConfig.isPublicIpEnabled": KEEP,
            "endpointConfig.nsgIds": SET,
            "options": KEEP,
            "options.kubernetesNetworkConfig": REPLACE | KEEP,
            "options.kubernetesNetworkConfig.podsCidr": REPLACE | KEEP,
            "options.kubernetesNetworkConfig.servicesCidr": REPLACE | KEEP,
            "options.serviceLbSubnetIds": REPLACE | KEEP,
        }
    )
    checks = Table(
        {
            "name": checks.display_name,
            "kubernetesVersion": version,
            "type": checks.one_of("BASIC_CLUSTER", "ENHANCED_CLUSTER"),
            "clusterPodNetworkOptions.cniType": checks.one_of("FLANNEL_OVERLAY"),
            "options.kubernetesNetworkConfig.podsCidr": checks.network(20, 8),
            "options.kubernetesNetworkConfig.servicesCidr": checks.network(24, 8),
        }
    )
    references = Table(
        {
            "vcnId": Reference(("vcn",)),
            "endpointConfig.subnetId": Reference(("subnet",)),
            "endpointConfig.nsgIds": Reference(("networksecuritygroup",)),
            "options.serviceLbSubnetIds": Reference(("subnet",)),
        }
    )

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        for name in ("name", "endpointConfig"):
            if name not in inputs:
                yield Problem(name, "is required (clusters without it are not supported by the sandbox's Oracle Cloud)")
        endpoint = inputs.get("endpointConfig", UNKNOWN)
        groups = endpoint.get("nsgIds", UNKNOWN) if endpoint is not UNKNOWN else UNKNOWN
        if groups is not UNKNOWN and len(groups) > MOST_GROUPS:
            yield Problem("endpointConfig.nsgIds", f"must name {MOST_GROUPS} network security groups at most")

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        network = {"podsCidr": PODS, "servicesCidr": SERVICES}
        return {
            "type": "BASIC_CLUSTER",
            "availableKubernetesUpgrades": [],
            "clusterPodNetworkOptions": [{"cniType": "FLANNEL_OVERLAY"}],
            "endpointConfig": {"isPublicIpEnabled": False},
            "endpoints": [],
            "kmsKeyId": "",
            "lifecycleDetails": "",
            "metadatas": [{"timeCreated": now(), "createdByUserId": paths.USER_OCID}],
            "options": {"kubernetesNetworkConfig": network, "serviceLbSubnetIds": []},
        }

    @override
    def derived(self, properties: Properties) -> Properties:
        network = properties["options"].get("kubernetesNetworkConfig", {})
        filled = {"podsCidr": PODS, "servicesCidr": SERVICES, **network}
        return {**properties, "options": {**properties["options"], "kubernetesNetworkConfig": filled}}

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        wanted = record.properties
        endpoint, vcn = wanted["endpointConfig"], wanted["vcnId"]
        options = wanted.get("options", {})
        same_vcn(cloud, vcn, "subnet", [endpoint["subnetId"], *options.get("serviceLbSubnetIds", [])])
        same_vcn(cloud, vcn, "networksecuritygroup", endpoint.get("nsgIds", []))
        subnet = cloud.require(endpoint["subnetId"], "subnet").properties
        if endpoint.get("isPublicIpEnabled") and subnet["prohibitPublicIpOnVnic"]:
            raise invalid(f"Public IP addresses are prohibited in this subnet {{{endpoint['subnetId']}}}.")
        network = options.get("kubernetesNetworkConfig", {})
        ranges = [network.get("podsCidr", PODS), network.get("servicesCidr", SERVICES), str(paths.SUBNET)]
        ranges += cloud.require(vcn, "vcn").properties["cidrBlocks"]
        parsed = [ipaddress.IPv4Network(one) for one in ranges]
        for index, one in enumerate(parsed[:2]):
            if any(one.overlaps(other) for other in parsed[index + 1 :]):
                raise invalid(f"The CIDR {one} of pods or services overlaps with another network of the cluster.")

    @override
    def named(self, record: Record) -> Record:
        return record.with_private(container=f"{CLUSTER_PREFIX}{record.id[-12:]}")

    @override
    def start(self, cloud: Cloud, record: Record) -> Record:
        options = record.properties["options"]
        spec = ClusterSpec(
            name=record.private["container"],
            id=record.id,
            compartment=record.properties["compartmentId"],
            load_balancer_subnets=tuple(options.get("serviceLbSubnetIds", [])),
            pods=options["kubernetesNetworkConfig"]["podsCidr"],
            services=options["kubernetesNetworkConfig"]["servicesCidr"],
        )
        state = cloud.host.clusters.create(spec)
        return _with_endpoints(record.with_private(address=state.address))

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        if record:
            cloud.put(_with_endpoints(record))

    @override
    def stop(self, cloud: Cloud, record: Record) -> None:
        cloud.host.clusters.remove(record.private["container"])

    @override
    def there(self, cloud: Cloud, record: Record) -> bool:
        return cloud.host.clusters.inspect(record.private["container"]) is not None


def _with_endpoints(record: Record) -> Record:
    """The one address on the sandbox's network plays the private and the public one."""
    where = f"{record.private['address']}:{PORT}"
    public = where if record.properties["endpointConfig"]["isPublicIpEnabled"] else ""
    return record.with_properties(endpoints=[{"privateEndpoint": where, "publicEndpoint": public, "kubernetes": ""}])


RESOURCES: tuple[Resource, ...] = (Cluster(),)
