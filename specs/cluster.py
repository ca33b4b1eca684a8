"""What an OKE cluster needs: its network, the start of its nodes, and the choice among what Oracle offers.

The rules are those of Oracle's "Network resource configuration for cluster creation" for a public API endpoint, private workers and
the flannel overlay, compared with oracle-terraform-modules/terraform-oci-oke (modules/network). Addresses of the subnets stand for
their members: each subnet holds nothing else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from specs.cloud_config import APPLY_METADATA_RULES, GROW_BOOT_VOLUME, metadata_files
from specs.lookups import NothingFoundError
from specs.network import ALL_PROTOCOLS, ANYWHERE, ICMP, ORACLE_SERVICES, NetworkSpec, SubnetSpec, egress, ingress, slug

API = "api"
NODES = "nodes"

KUBERNETES_API_PORT = 6443
CONTROL_PLANE_PORT = 12250
KUBELET_PORT = 10250
NODE_PORTS = (30000, 32767)
NODE_HEALTH_PORT = 10256

PODS_CIDR = "10.244.0.0/16"
SERVICES_CIDR = "10.96.0.0/16"
"""OKE's defaults for pods and Services (source: oci_containerengine_cluster, kubernetes_network_config)."""

SMALLEST_VCN_PREFIX = 22
"""Four networks of /24 have to fit."""


@dataclass(frozen=True)
class Ranges:
    """CIDRs of the subnets. Internal and public load balancer have separate subnets, so one can replace the other."""

    api: str
    nodes: str
    internal: str
    public: str


def ranges(vcn_cidr: str) -> Ranges:
    """Cut a VCN's range (/22 or larger) up: a /28 for the API endpoint and a /24 for each of the others."""
    first, nodes, internal, public = (
        network for network, _ in zip(ipaddress.IPv4Network(vcn_cidr).subnets(new_prefix=24), range(4), strict=False)
    )
    return Ranges(str(next(first.subnets(new_prefix=28))), str(nodes), str(internal), str(public))


def load_balancer_subnet(internal: bool) -> str:
    """Name of the load balancer's subnet."""
    return "load-balancer" if internal else "public-load-balancer"


def cluster_network(
    vcn_cidr: str, api_networks: Sequence[str], internal: bool, listener_port: int, listener_networks: Sequence[str]
) -> NetworkSpec:
    """The cluster's network. api_networks: who may reach the Kubernetes API; listener_networks: who may reach the load balancer
    at `listener_port`.
    """
    cut = ranges(vcn_cidr)
    balancer = cut.internal if internal else cut.public
    return NetworkSpec(
        vcn_cidr,
        [
            _api_subnet(cut, api_networks),
            _nodes_subnet(cut, balancer),
            _load_balancer_subnet(cut, internal, balancer, listener_port, listener_networks),
        ],
    )


def _api_subnet(cut: Ranges, api_networks: Sequence[str]) -> SubnetSpec:
    return SubnetSpec(
        API,
        "api",
        cut.api,
        is_public=True,
        rules=[
            *(
                ingress(f"api-from-{slug(network)}", f"Kubernetes API from {network}", network, KUBERNETES_API_PORT)
                for network in api_networks
            ),
            ingress("api-from-nodes", "Nodes to the Kubernetes API", cut.nodes, KUBERNETES_API_PORT),
            ingress("control-plane-from-nodes", "Nodes to the control plane", cut.nodes, CONTROL_PLANE_PORT),
            ingress("api-path-discovery-in", "Path discovery from the nodes", cut.nodes, protocol=ICMP),
            egress("api-to-services", "Control plane to Oracle's services", ORACLE_SERVICES, 443),
            egress("api-to-kubelet", "Control plane to the nodes' kubelets", cut.nodes, KUBELET_PORT),
            egress("api-path-discovery-out", "Path discovery to the nodes", cut.nodes, protocol=ICMP),
        ],
    )


def _nodes_subnet(cut: Ranges, balancer: str) -> SubnetSpec:
    return SubnetSpec(
        NODES,
        "nodes",
        cut.nodes,
        is_public=False,
        rules=[
            ingress("nodes-from-nodes", "Nodes and pods to each other", cut.nodes, protocol=ALL_PROTOCOLS),
            ingress("kubelet-from-api", "Control plane to the kubelet", cut.api, KUBELET_PORT),
            ingress("node-ports-from-load-balancer", "Load balancer to the node ports", balancer, *NODE_PORTS),
            ingress(
                "node-health-from-load-balancer",
                "Load balancer's health check of the nodes",
                balancer,
                NODE_HEALTH_PORT,
            ),
            ingress("nodes-path-discovery-in", "Path discovery from anywhere", ANYWHERE, protocol=ICMP),
            egress("nodes-egress", "Nodes and pods may reach everything, by NAT", ANYWHERE, protocol=ALL_PROTOCOLS),
        ],
    )


def _load_balancer_subnet(
    cut: Ranges, internal: bool, balancer: str, listener_port: int, listener_networks: Sequence[str]
) -> SubnetSpec:
    name = load_balancer_subnet(internal)
    return SubnetSpec(
        name,
        name,
        balancer,
        is_public=not internal,
        rules=[
            *(
                ingress(f"{name}-from-{slug(network)}", f"The app from {network}", network, listener_port)
                for network in listener_networks
            ),
            egress(f"{name}-to-node-ports", "Load balancer to the node ports", cut.nodes, *NODE_PORTS),
            egress(f"{name}-to-node-health", "Load balancer's health check of the nodes", cut.nodes, NODE_HEALTH_PORT),
        ],
    )


# No node joins without the rules: the pool then reports a node that did not come up, and the node's console says why. The rest is what a
# node of OKE does without user data (source: Oracle, "Using custom cloud-init initialization scripts").
START_NODE = f"""\
trap '[ $? = 0 ] || echo "error: this node does not join the cluster; see above" >&2' EXIT
{APPLY_METADATA_RULES}
curl --fail -H 'Authorization: Bearer Oracle' -L0 http://169.254.169.254/opc/v2/instance/metadata/oke_init_script \\
  | base64 --decode >/var/run/oke-init.sh
bash /var/run/oke-init.sh
"""


def node_user_data() -> str:
    """cloud-init user data of a node, as text: grow the boot volume, keep the metadata service out of the pods' reach, then join the
    cluster.

    A NetworkPolicy keeps pods from the service only if the cluster enforces policies, which flannel does not (source: Oracle,
    "Configuring pod networking"). OKE's own pods that need the service run in the node's network.
    """
    document = {
        # Before the kubelet starts, which reports the size that it finds.
        "bootcmd": [["sh", "-c", GROW_BOOT_VOLUME]],
        "write_files": metadata_files(),
        "runcmd": [["bash", "-c", START_NODE]],
    }
    return f"#cloud-config\n{yaml.safe_dump(document, sort_keys=False)}"


def newest_version(versions: Sequence[str]) -> str:
    """The newest of Kubernetes versions as OKE writes them ("v1.34.1"). Raises NothingFoundError when there is none."""
    if not versions:
        raise NothingFoundError(
            "kubernetesVersion", "is empty, and OKE lists no version of Kubernetes in this region", "v1.34.1"
        )
    return max(versions, key=_numbers)


# source: Oracle, "OKE images". Other forms, such as those for GPUs, are not for these nodes.
NODE_IMAGE = re.compile(r"Oracle-Linux-([\d.]+)-aarch64-([\d.]+)-(\d+)-OKE-([\d.]+)-(\d+)")


def node_image(sources: Sequence[tuple[str, str]], version: str) -> str:
    """OCID of the newest Oracle Linux image for Arm and a Kubernetes version ("v1.34.1") among `sources`, pairs of name and OCID.

    The names are like "Oracle-Linux-8.10-aarch64-2026.02.28-0-OKE-1.34.1-1330"; the newest has the highest release, then date, then
    build. Raises NothingFoundError when there is none.
    """
    named = [(match, ocid) for name, ocid in sources if (match := NODE_IMAGE.fullmatch(name))]
    found = [(match, ocid) for match, ocid in named if match[4] == version.removeprefix("v")]
    if not found:
        others = {f"v{match[4]}" for match, _ in named}
        raise NothingFoundError(
            "kubernetesVersion",
            f"Oracle lists no Arm image for nodes of Kubernetes {version}",
            max(others, key=_numbers, default="v1.34.1"),
        )
    return max(found, key=lambda one: [_numbers(part) for part in one[0].groups()])[1]


def _numbers(text: str) -> list[int]:
    """The numbers of a version or date, to be compared as such: 8.10 is newer than 8.9."""
    return [int(part) for part in text.removeprefix("v").split(".")]
