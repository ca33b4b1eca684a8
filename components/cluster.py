"""The Kubernetes cluster: an OKE cluster with a pool of Arm nodes, or one that is there already, and the way to its API.

Owns cluster and node pool when it makes them, and Pulumi's provider for what is in the cluster. The network is not its concern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
import pulumi_oci as oci

from components.network import Network
from specs import cloud_config
from specs.cluster import API, NODES, PODS_CIDR, SERVICES_CIDR, newest_version, node_image, node_user_data
from specs.kubeconfig import kubeconfig
from specs.lookups import availability_domain
from specs.shape import SHAPE


@dataclass(frozen=True)
class ClusterArgs:
    """tags: freeform, of cluster and nodes' pool; network: of the cluster, from `specs.cluster.cluster_network`; cluster_id: OCID of an
    existing one to use instead, or ""; private_endpoint: reach that one's API at its private address; kubernetes_version: such as
    "v1.34.1", or "" for OKE's newest at creation; sizes of each node in OCPUs and GB; availability_domain: of the nodes, "" for the
    first one of the tenancy; region, profile: for the credential, as in `specs.kubeconfig.kubeconfig`.
    """

    compartment_id: str
    display_name: str
    tags: Mapping[str, str]
    tenancy_ocid: str
    network: Network
    cluster_id: str
    private_endpoint: bool
    kubernetes_version: str
    availability_domain: str
    node_count: int
    ocpus: int
    memory_in_gbs: int
    boot_volume_size_in_gbs: int
    region: str
    profile: str


class Cluster(pulumi.ComponentResource):
    """cluster_id: OCID; kubeconfig: JSON, nothing secret in it; provider: for all that is in the cluster, there once nodes are."""

    cluster_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    provider: k8s.Provider

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:cluster:Cluster", name, None, opts)
        self._invoke = pulumi.InvokeOutputOptions(parent=self)
        needed: list[pulumi.Resource] = [args.network]
        if args.cluster_id:
            self.cluster_id = pulumi.Output.from_input(args.cluster_id)
        else:
            cluster = self._make_cluster(name, args)
            needed.append(self._make_node_pool(name, args, cluster))
            self.cluster_id = cluster.id
        of_cloud = oci.containerengine.get_cluster_kube_config_output(
            cluster_id=self.cluster_id,
            endpoint="PRIVATE_ENDPOINT" if args.private_endpoint else "PUBLIC_ENDPOINT",
            token_version="2.0.0",  # noqa: S106 - of the form
            opts=self._invoke,
        ).content
        self.kubeconfig = pulumi.Output.all(of_cloud, self.cluster_id).apply(
            lambda known: kubeconfig(known[0], known[1], args.region, args.profile)
        )
        self.provider = k8s.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # What makes it another cluster, with another app in it, is its OCID: not its address or certificate.
            cluster_identifier=self.cluster_id,
            # What a retained claim belongs to is taken over by the next stack of the same name.
            upsert_existing_objects=True,
            # A refresh forgets what was in a cluster that is gone, and a destroy then can take back the rest. Should it only be out of
            # reach, the next `up` takes over again what was forgotten.
            delete_unreachable=True,
            # Not before the way to the API is open and nodes run the pods, and not after.
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        self.register_outputs({"cluster_id": self.cluster_id})

    def _make_cluster(self, name: str, args: ClusterArgs) -> oci.containerengine.Cluster:
        version: pulumi.Input[str] = args.kubernetes_version
        if not args.kubernetes_version:
            options = oci.containerengine.get_cluster_option_output(
                cluster_option_id="all", compartment_id=args.compartment_id, opts=self._invoke
            )
            version = options.kubernetes_versions.apply(newest_version)
        return oci.containerengine.Cluster(
            f"{name}-cluster",
            compartment_id=args.compartment_id,
            name=args.display_name,
            freeform_tags=args.tags,
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
                # New versions appear every few weeks; the cluster keeps the one it was made with until another is asked for.
                ignore_changes=[] if args.kubernetes_version else ["kubernetesVersion"],
            ),
        )

    def _make_node_pool(
        self, name: str, args: ClusterArgs, cluster: oci.containerengine.Cluster
    ) -> oci.containerengine.NodePool:
        options = oci.containerengine.get_node_pool_option_output(
            node_pool_option_id=cluster.id,
            compartment_id=args.compartment_id,
            node_pool_os_arch="AARCH64",
            opts=self._invoke,
        )
        # Before they are joined with anything else, which would make plain dictionaries of them.
        images = options.sources.apply(lambda sources: [(source.source_name, source.image_id) for source in sources])
        image = pulumi.Output.all(images, cluster.kubernetes_version).apply(lambda known: node_image(*known))
        return oci.containerengine.NodePool(
            f"{name}-nodes",
            cluster_id=cluster.id,
            compartment_id=args.compartment_id,
            name=f"{args.display_name}-nodes",
            freeform_tags=args.tags,
            kubernetes_version=cluster.kubernetes_version,
            node_shape=SHAPE,
            node_shape_config=oci.containerengine.NodePoolNodeShapeConfigArgs(
                ocpus=args.ocpus, memory_in_gbs=args.memory_in_gbs
            ),
            node_source_details=oci.containerengine.NodePoolNodeSourceDetailsArgs(
                source_type="IMAGE", image_id=image, boot_volume_size_in_gbs=str(args.boot_volume_size_in_gbs)
            ),
            node_config_details=oci.containerengine.NodePoolNodeConfigDetailsArgs(
                size=args.node_count,
                # One domain alone: a block volume can be attached in its own only.
                placement_configs=[
                    oci.containerengine.NodePoolNodeConfigDetailsPlacementConfigArgs(
                        availability_domain=self._availability_domain(args), subnet_id=args.network.subnet_ids[NODES]
                    )
                ],
                nsg_ids=[args.network.security_group_ids[NODES]],
                # No in-transit encryption: Oracle's driver attaches volumes of oci-bv by iSCSI, and refuses to attach those to a node
                # that has it (source: oci-cloud-controller-manager, bv_controller.go, ControllerPublishVolume).
            ),
            # Else a pod that cannot be evicted holds a node for 60 minutes and is not forced after them, but the provider waits for 50
            # (source: Oracle, "Deleting Worker Nodes"; containerengine_node_pool_resource.go). OKE writes minutes as minutes.
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
                # As the instance's: the newest image changes, the nodes' does so with the version that is asked for.
                ignore_changes=[] if args.kubernetes_version else ["nodeSourceDetails.imageId"],
            ),
        )

    def _availability_domain(self, args: ClusterArgs) -> pulumi.Input[str]:
        if args.availability_domain:
            return args.availability_domain
        domains = oci.identity.get_availability_domains_output(compartment_id=args.tenancy_ocid, opts=self._invoke)
        return domains.availability_domains.apply(lambda found: availability_domain([one.name for one in found]))
