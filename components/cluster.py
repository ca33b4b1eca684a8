"""The Kubernetes cluster: an OKE cluster with a pool of Arm nodes, or an existing one, and the way to its API.

Owns cluster and node pool when it makes them, and Pulumi's provider for what is in the cluster. It does not own the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
import pulumi_oci as oci

from components.lookups import availability_domain
from components.network import Network
from settings.cluster import ClusterSettings
from settings.machine import MachineSettings
from specs import cloud_config
from specs.cluster import API, NODES, PODS_CIDR, SERVICES_CIDR, newest_version, node_image, node_user_data
from specs.kubeconfig import kubeconfig
from specs.oci_profile import OciProfile
from specs.scope import Scope
from specs.shape import SHAPE


@dataclass(frozen=True)
class ClusterArgs:
    """What the cluster is made of."""

    scope: Scope
    # From `specs.cluster.cluster_network`.
    network: Network
    cluster: ClusterSettings
    # Of each node.
    machine: MachineSettings
    # Of the login to the cluster.
    account: OciProfile


class Cluster(pulumi.ComponentResource):
    """cluster_id: OCID; kubeconfig: JSON, nothing secret in it; provider: for everything in the cluster, usable once nodes run."""

    cluster_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    provider: k8s.Provider

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:cluster:Cluster", name, None, opts)
        self._invoke = pulumi.InvokeOutputOptions(parent=self)
        needed: list[pulumi.Resource] = [args.network]
        if args.cluster.cluster_id:
            self.cluster_id = pulumi.Output.from_input(args.cluster.cluster_id)
        else:
            cluster = self._make_cluster(name, args)
            needed.append(self._make_node_pool(name, args, cluster))
            self.cluster_id = cluster.id
        of_cloud = oci.containerengine.get_cluster_kube_config_output(
            cluster_id=self.cluster_id,
            endpoint="PRIVATE_ENDPOINT" if args.cluster.private_api_endpoint else "PUBLIC_ENDPOINT",
            token_version="2.0.0",  # noqa: S106 - of the form
            opts=self._invoke,
        ).content
        self.kubeconfig = pulumi.Output.all(of_cloud, self.cluster_id).apply(
            lambda both: kubeconfig(both[0], both[1], args.account.region, args.account.name)
        )
        self.provider = k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # The OCID, not address or certificate, decides whether it is another cluster.
            cluster_identifier=self.cluster_id,
            # The next stack of the same name adopts a retained claim.
            upsert_existing_objects=True,
            # A refresh forgets what was in a cluster that is gone, so that a destroy can delete the rest. If the cluster was only out of
            # reach, the next `up` adopts it again.
            delete_unreachable=True,
            # Made after the way to the API is open and nodes run, and deleted before them.
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        self.register_outputs({"cluster_id": self.cluster_id})

    def _make_cluster(self, name: str, args: ClusterArgs) -> oci.containerengine.Cluster:
        version: pulumi.Input[str] = args.cluster.kubernetes_version
        if not args.cluster.kubernetes_version:
            options = oci.containerengine.get_cluster_option_output(
                cluster_option_id="all", compartment_id=args.scope.compartment_id, opts=self._invoke
            )
            version = options.kubernetes_versions.apply(newest_version)
        return oci.containerengine.Cluster(
            f"{name}-cluster",
            compartment_id=args.scope.compartment_id,
            name=args.scope.display_name,
            freeform_tags=args.scope.tags,
            kubernetes_version=version,
            type="BASIC_CLUSTER",
            vcn_id=args.network.vcn_id,
            cluster_pod_network_options=[
                oci.containerengine.ClusterClusterPodNetworkOptionArgs(cni_type="FLANNEL_OVERLAY")
            ],
            endpoint_config=oci.containerengine.ClusterEndpointConfigArgs(
                subnet_id=args.network.subnet_ids[API],
                is_public_ip_enabled=True,
                nsg_ids=[args.network.security_group_ids[API]],
            ),
            options=oci.containerengine.ClusterOptionsArgs(
                kubernetes_network_config=oci.containerengine.ClusterOptionsKubernetesNetworkConfigArgs(
                    pods_cidr=PODS_CIDR, services_cidr=SERVICES_CIDR
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                # New versions appear every few weeks; the cluster keeps its version until the configuration names another.
                ignore_changes=[] if args.cluster.kubernetes_version else ["kubernetesVersion"],
            ),
        )

    def _make_node_pool(
        self, name: str, args: ClusterArgs, cluster: oci.containerengine.Cluster
    ) -> oci.containerengine.NodePool:
        return oci.containerengine.NodePool(
            f"{name}-nodes",
            cluster_id=cluster.id,
            compartment_id=args.scope.compartment_id,
            name=f"{args.scope.display_name}-nodes",
            freeform_tags=args.scope.tags,
            kubernetes_version=cluster.kubernetes_version,
            node_shape=SHAPE,
            node_shape_config=oci.containerengine.NodePoolNodeShapeConfigArgs(
                ocpus=args.machine.ocpus, memory_in_gbs=args.machine.memory_in_gbs
            ),
            node_source_details=oci.containerengine.NodePoolNodeSourceDetailsArgs(
                source_type="IMAGE",
                image_id=self._node_image(args, cluster),
                boot_volume_size_in_gbs=str(args.machine.boot_volume_size_in_gbs),
            ),
            node_config_details=self._node_config(args),
            # By default a pod that cannot be evicted holds a node for 60 minutes and is not forced after them, but the provider waits
            # for 50 (source: Oracle, "Deleting Worker Nodes"; containerengine_node_pool_resource.go). OKE returns minutes as minutes.
            node_eviction_node_pool_settings=oci.containerengine.NodePoolNodeEvictionNodePoolSettingsArgs(
                eviction_grace_duration="PT5M",
                is_force_action_after_grace_duration=True,
                is_force_delete_after_grace_duration=True,
            ),
            node_metadata={
                "user_data": cloud_config.encode(node_user_data()),
                "areLegacyImdsEndpointsDisabled": "true",
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                # As the instance's: the newest image changes, the pool's changes with the configured version.
                ignore_changes=[] if args.cluster.kubernetes_version else ["nodeSourceDetails.imageId"],
            ),
        )

    def _node_config(self, args: ClusterArgs) -> oci.containerengine.NodePoolNodeConfigDetailsArgs:
        return oci.containerengine.NodePoolNodeConfigDetailsArgs(
            size=args.cluster.node_count,
            # One domain: a block volume can only be attached in its own.
            placement_configs=[
                oci.containerengine.NodePoolNodeConfigDetailsPlacementConfigArgs(
                    availability_domain=availability_domain(args.scope, self._invoke),
                    subnet_id=args.network.subnet_ids[NODES],
                )
            ],
            nsg_ids=[args.network.security_group_ids[NODES]],
            # No in-transit encryption: Oracle's driver attaches volumes of oci-bv by iSCSI, and refuses to attach those to a node
            # that has it (source: oci-cloud-controller-manager, bv_controller.go, ControllerPublishVolume).
        )

    def _node_image(self, args: ClusterArgs, cluster: oci.containerengine.Cluster) -> pulumi.Output[str]:
        options = oci.containerengine.get_node_pool_option_output(
            node_pool_option_id=cluster.id,
            compartment_id=args.scope.compartment_id,
            node_pool_os_arch="AARCH64",
            opts=self._invoke,
        )
        # Before Output.all, which would make plain dictionaries of them.
        images = options.sources.apply(lambda sources: [(source.source_name, source.image_id) for source in sources])
        return pulumi.Output.all(images, cluster.kubernetes_version).apply(lambda both: node_image(*both))
