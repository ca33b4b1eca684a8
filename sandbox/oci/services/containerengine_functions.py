"""Container Engine for Kubernetes: what can be asked of it."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox import paths
from sandbox.oci import checks
from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.errors import invalid
from sandbox.oci.function import Function, filtered
from sandbox.oci.services.containerengine import VERSIONS
from sandbox.oci.services.containerengine_images import NODE_IMAGES
from sandbox.oci.services.shapes import SHAPES
from sandbox.oci.wire import Properties

_ENDPOINTS = {"PUBLIC_ENDPOINT": "publicEndpoint", "PRIVATE_ENDPOINT": "privateEndpoint"}


def _get_cluster_option(cloud: Cloud, arguments: Properties) -> Properties:
    _check_option(cloud, arguments["clusterOptionId"])
    return {"kubernetesVersions": list(VERSIONS), "clusterPodNetworkOptions": [{"cniType": "FLANNEL_OVERLAY"}]}


def _get_node_pool_option(cloud: Cloud, arguments: Properties) -> Properties:
    _check_option(cloud, arguments["nodePoolOptionId"])
    arch = arguments.get("nodePoolOsArch")
    wanted = arguments.get("nodePoolK8sVersion", VERSIONS[0])
    sources = [
        {"imageId": id, "sourceName": name, "sourceType": "IMAGE"}
        for id, name in NODE_IMAGES.items()
        if arch in (None, "AARCH64" if "aarch64" in name else "X86_64") and f"-OKE-{wanted.removeprefix('v')}-" in name
    ]
    return {
        "sources": sources,
        "images": [source["sourceName"] for source in sources],
        "kubernetesVersions": list(VERSIONS),
        "shapes": list(SHAPES),
    }


def _check_option(cloud: Cloud, id: str) -> None:
    """source: OCI API, GetClusterOptions: "all", or the OCID of a cluster."""
    if id != "all":
        cloud.require(id, "cluster")


def _get_cluster(cloud: Cloud, arguments: Properties) -> Properties:
    return _told(cloud, cloud.require(arguments["clusterId"], "cluster"))


def _get_clusters(cloud: Cloud, arguments: Properties) -> Properties:
    every = [_told(cloud, one) for one in cloud.all("cluster") if cloud.kinds["cluster"].alive(cloud, one)]
    found = [one for one in every if arguments.get("name") in (None, one["name"])]
    found = [one for one in found if not arguments.get("states") or one["state"] in arguments["states"]]
    return {"clusters": filtered(found, arguments)}


def _told(cloud: Cloud, record: Record) -> Properties:
    """As a data source tells nested objects: in lists."""
    properties = cloud.kinds["cluster"].seen(cloud, record)
    rest = {name: value for name, value in properties.items() if name not in ("endpointConfig", "options")}
    options: dict[str, Any] = properties["options"]
    nested = {
        "kubernetesNetworkConfigs": [options["kubernetesNetworkConfig"]],
        "serviceLbSubnetIds": options.get("serviceLbSubnetIds", []),
    }
    return {**rest, "id": record.id, "endpointConfigs": [properties["endpointConfig"]], "options": [nested]}


def _get_cluster_kube_config(cloud: Cloud, arguments: Properties) -> Properties:
    record = cloud.require(arguments["clusterId"], "cluster")
    endpoint = arguments.get("endpoint", "PUBLIC_ENDPOINT")
    server = record.properties["endpoints"][0][_ENDPOINTS[endpoint]]
    if not server:
        raise invalid(f"The cluster {record.id} has no {endpoint}.")
    authority = cloud.host.clusters.authority(record.private["container"])
    return {"content": kubeconfig(record.id, f"https://{server}", authority)}


def kubeconfig(cluster: str, server: str, authority: bytes) -> str:
    """What OKE hands out: the credential is a call of Oracle's CLI (source: OCI documentation, "Setting Up Cluster Access")."""
    # Here: it loads cryptography, which a preview has no other use for.
    from sandbox.kubernetes import pki

    short = f"c{cluster[-10:]}"
    command = ["ce", "cluster", "generate-token", "--cluster-id", cluster, "--region", paths.REGION]
    exec = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "oci", "args": command, "env": []}
    document = yaml.safe_load(pki.kubeconfig(server, authority, {"exec": exec}))
    for part, prefix in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        document[part][0]["name"] = f"{prefix}-{short}"
    document["contexts"][0]["context"] = {"cluster": f"cluster-{short}", "user": f"user-{short}"}
    document["current-context"] = f"context-{short}"
    return "---\n" + yaml.safe_dump(document, sort_keys=False)


FUNCTIONS = (
    Function("oci:ContainerEngine/getClusterOption:getClusterOption", _get_cluster_option),
    Function(
        "oci:ContainerEngine/getNodePoolOption:getNodePoolOption",
        _get_node_pool_option,
        {"nodePoolOsArch": checks.one_of("AARCH64", "X86_64"), "nodePoolOsType": checks.one_of("OL8")},
    ),
    Function("oci:ContainerEngine/getCluster:getCluster", _get_cluster),
    Function("oci:ContainerEngine/getClusters:getClusters", _get_clusters),
    Function(
        "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig",
        _get_cluster_kube_config,
        {
            "endpoint": checks.one_of(*_ENDPOINTS),
            # Version 1 tokens are service accounts' of old clusters.
            "tokenVersion": checks.one_of("2.0.0"),
        },
    ),
)
