"""Clusters and node pools of the emulated Oracle Cloud: what they make, what they keep from being deleted, what a refresh sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import paths
from sandbox.oci.catalogue import FUNCTIONS, KINDS
from sandbox.oci.cloud import Record
from sandbox.oci.errors import FailedError, ServiceError
from sandbox.oci.services.containerengine import VERSIONS
from tests.unit.oci_cloud import FIRST, TYPES, Tenancy


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


def call(tenancy: Tenancy, function_name: str, **arguments: Any) -> Any:
    function = FUNCTIONS[f"oci:ContainerEngine/{function_name}:{function_name}"]
    assert function.problems(arguments) == []
    return function(tenancy.cloud, arguments)


def details(pool: Record, **changes: Any) -> dict[str, Any]:
    placements = pool.properties["nodeConfigDetails"]["placementConfigs"]
    return {"size": 1, "placementConfigs": placements, **changes}


def test_a_cluster_is_a_control_plane_with_its_endpoint(tenancy: Tenancy) -> None:
    cluster = tenancy.make("Cluster")
    [spec] = tenancy.host.clusters.specs
    assert (spec.id, spec.name) == (cluster.id, cluster.private["container"])
    assert cluster.properties["state"] == "ACTIVE"
    [endpoint] = cluster.properties["endpoints"]
    assert endpoint["publicEndpoint"] == endpoint["privateEndpoint"] == f"{cluster.private['address']}:6443"


def test_node_pool_places_nodes_in_its_subnet(tenancy: Tenancy) -> None:
    pool = tenancy.make("NodePool")
    [spec] = tenancy.host.nodes.specs
    assert (spec.cpus, spec.memory_gb, spec.zone) == (2, 12, FIRST.partition(":")[2])
    [node] = pool.properties["nodes"]
    assert node["state"] == "ACTIVE"
    assert node["privateIp"] == tenancy.host.nodes.running[spec.name].address


def test_a_pool_grows_and_shrinks(tenancy: Tenancy) -> None:
    pool = tenancy.make("NodePool")
    same = {"clusterId": pool.properties["clusterId"]}
    larger = tenancy.update("NodePool", pool, **same, nodeConfigDetails=details(pool, size=3))
    assert len(larger.properties["nodes"]) == len(tenancy.host.nodes.running) == 3
    assert larger.properties["nodes"][0] == pool.properties["nodes"][0]
    smaller = tenancy.update("NodePool", pool, **same, nodeConfigDetails=details(pool, size=1))
    assert [node["id"] for node in smaller.properties["nodes"]] == [pool.properties["nodes"][0]["id"]]
    assert len(tenancy.host.nodes.running) == 1


def test_a_refresh_sees_a_node_that_was_removed_and_the_next_update_brings_another(tenancy: Tenancy) -> None:
    pool = tenancy.make("NodePool")
    tenancy.host.nodes.running.clear()
    seen = tenancy.read(pool)
    assert seen is not None
    inputs = tenancy.inputs("NodePool", clusterId=pool.properties["clusterId"], nodeConfigDetails=details(pool))
    changes = TYPES["NodePool"].changes(seen.properties, inputs)
    assert [change.place for change in changes] == ["nodeConfigDetails.size"]
    tenancy.update("NodePool", pool, **inputs)
    assert len(tenancy.host.nodes.running) == 1


def test_a_refresh_sees_a_cluster_that_was_removed_and_its_pools_with_it(tenancy: Tenancy) -> None:
    pool = tenancy.make("NodePool")
    cluster = tenancy.cloud.require(pool.properties["clusterId"], "cluster")
    tenancy.host.clusters.running.clear()
    assert tenancy.read(cluster) is None
    assert tenancy.read(pool) is None
    # Destroying what is left of them is no error, and leaves nothing.
    tenancy.delete(pool)
    tenancy.delete(cluster)
    assert tenancy.host.nodes.running == {}


@pytest.mark.parametrize("used_by", ["Cluster", "NodePool", "load balancer"])
def test_a_subnet_in_use_cannot_be_deleted(tenancy: Tenancy, used_by: str) -> None:
    made = tenancy.make("NodePool")
    cluster = tenancy.cloud.require(made.properties["clusterId"], "cluster")
    subnets = {
        "Cluster": cluster.properties["endpointConfig"]["subnetId"],
        "NodePool": made.properties["nodeConfigDetails"]["placementConfigs"][0]["subnetId"],
        "load balancer": tenancy.make(
            "Subnet", vcnId=cluster.properties["vcnId"], cidrBlock="10.0.5.0/24", dnsLabel="lb"
        ).id,
    }
    balancer = Record("ocid1.loadbalancer.oc1..a", "loadbalancer", {"subnetIds": [subnets["load balancer"]]})
    with tenancy.cloud.transaction():
        tenancy.cloud.put(balancer)
    with pytest.raises(ServiceError, match=r"409-Conflict.*references"):
        KINDS["subnet"].delete(tenancy.cloud, subnets[used_by])


def test_a_load_balancer_that_was_left_behind_outlives_its_cluster(tenancy: Tenancy) -> None:
    cluster = tenancy.make("Cluster")
    subnet = cluster.properties["endpointConfig"]["subnetId"]
    with tenancy.cloud.transaction():
        tenancy.cloud.put(Record("ocid1.loadbalancer.oc1..a", "loadbalancer", {"subnetIds": [subnet]}))
    tenancy.delete(cluster)
    with pytest.raises(ServiceError, match=r"LoadBalancer ocid1\.loadbalancer\.oc1\.\.a"):
        KINDS["subnet"].delete(tenancy.cloud, subnet)


def test_a_cluster_with_nodes_cannot_be_deleted(tenancy: Tenancy) -> None:
    pool = tenancy.make("NodePool")
    with pytest.raises(ServiceError, match="409-Conflict"):
        tenancy.delete(tenancy.cloud.require(pool.properties["clusterId"], "cluster"))


@pytest.mark.parametrize("what", ["clusters", "nodes"])
def test_what_cannot_be_started_leaves_its_id_and_nothing_else(tenancy: Tenancy, what: str) -> None:
    cluster = tenancy.make("Cluster") if what == "nodes" else None
    getattr(tenancy.host, what).failing = True
    with pytest.raises(FailedError, match="create failed"):
        tenancy.make("NodePool", clusterId=cluster.id) if cluster else tenancy.make("Cluster")
    assert tenancy.cloud.all("nodepool" if cluster else "cluster") == []


@pytest.mark.parametrize(
    ("type_name", "changes", "path"),
    [
        ("Cluster", {"kubernetesVersion": "v1.99.0"}, "kubernetesVersion"),
        (
            "Cluster",
            {"clusterPodNetworkOptions": [{"cniType": "OCI_VCN_IP_NATIVE"}]},
            "clusterPodNetworkOptions[0].cniType",
        ),
        ("Cluster", {"kmsKeyId": "ocid1.key.oc1..a"}, "kmsKeyId"),
        ("NodePool", {"nodeShapeConfig": {"ocpus": 2, "memoryInGbs": 1000}}, "nodeShapeConfig.memoryInGbs"),
        ("NodePool", {"nodeShapeConfig": None}, "nodeShapeConfig.ocpus"),
        ("NodePool", {"quantityPerSubnet": 1}, "quantityPerSubnet"),
        (
            "NodePool",
            {"nodeEvictionNodePoolSettings": {"evictionGraceDuration": "PT61M"}},
            "nodeEvictionNodePoolSettings.evictionGraceDuration",
        ),
    ],
)
def test_inputs_which_the_sandbox_does_not_do_fail_in_the_plan(
    tenancy: Tenancy, type_name: str, changes: dict[str, Any], path: str
) -> None:
    _, problems = TYPES[type_name].checked(tenancy.inputs(type_name, **changes))
    assert [problem.path for problem in problems] == [path]


def test_nodes_with_in_transit_encryption_are_refused_since_oci_bv_has_none(tenancy: Tenancy) -> None:
    pool = tenancy.make("NodePool")
    given = {"nodeConfigDetails": details(pool, isPvEncryptionInTransitEnabled=True)}
    _, problems = TYPES["NodePool"].checked(tenancy.inputs("NodePool", clusterId=pool.properties["clusterId"], **given))
    assert [problem.path for problem in problems] == ["nodeConfigDetails.isPvEncryptionInTransitEnabled"]


def test_a_public_endpoint_is_refused_in_a_private_subnet(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    subnet = tenancy.make("Subnet", vcnId=vcn, prohibitPublicIpOnVnic=True).id
    with pytest.raises(ServiceError, match="Public IP addresses are prohibited"):
        tenancy.make("Cluster", vcnId=vcn, endpointConfig={"subnetId": subnet, "isPublicIpEnabled": True})


def test_networks_of_pods_and_services_must_be_apart(tenancy: Tenancy) -> None:
    network = {"podsCidr": "10.0.0.0/16", "servicesCidr": "10.96.0.0/16"}
    with pytest.raises(ServiceError, match="overlaps"):
        tenancy.make("Cluster", options={"kubernetesNetworkConfig": network})


def test_the_kubeconfig_is_oracles_and_holds_no_credential(tenancy: Tenancy) -> None:
    cluster = tenancy.make("Cluster")
    content = call(tenancy, "getClusterKubeConfig", clusterId=cluster.id, tokenVersion="2.0.0")["content"]
    document = yaml.safe_load(content)
    assert document["clusters"][0]["cluster"]["server"] == f"https://{cluster.private['address']}:6443"
    user = document["users"][0]["user"]
    assert user["exec"]["command"] == "oci"
    assert user["exec"]["args"] == [
        *("ce", "cluster", "generate-token", "--cluster-id", cluster.id, "--region", paths.REGION)
    ]
    assert set(user) == {"exec"}


def test_a_cluster_without_public_endpoint_has_no_kubeconfig_for_one(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    endpoint = {"subnetId": tenancy.make("Subnet", vcnId=vcn).id, "isPublicIpEnabled": False}
    cluster = tenancy.make("Cluster", vcnId=vcn, endpointConfig=endpoint)
    with pytest.raises(ServiceError, match="PUBLIC_ENDPOINT"):
        call(tenancy, "getClusterKubeConfig", clusterId=cluster.id)
    assert call(tenancy, "getClusterKubeConfig", clusterId=cluster.id, endpoint="PRIVATE_ENDPOINT")["content"]


def test_there_is_an_arm_image_for_each_version(tenancy: Tenancy) -> None:
    found = call(tenancy, "getNodePoolOption", nodePoolOptionId="all", nodePoolOsArch="AARCH64")
    assert found["kubernetesVersions"] == list(VERSIONS)
    assert found["sources"]
    assert all("aarch64" in source["sourceName"] for source in found["sources"])


def test_clusters_are_found_by_name_while_they_are_there(tenancy: Tenancy) -> None:
    cluster = tenancy.make("Cluster")
    found = call(tenancy, "getClusters", compartmentId=paths.TENANCY_OCID, name="cluster")["clusters"]
    assert [one["id"] for one in found] == [cluster.id]
    tenancy.host.clusters.running.clear()
    assert call(tenancy, "getClusters", compartmentId=paths.TENANCY_OCID)["clusters"] == []
