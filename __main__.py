"""A containerised app on Oracle Cloud: settings, network, registry, image, then an instance or a cluster with the app, outputs."""

import pulumi

import settings
from components.cluster import Cluster, ClusterArgs
from components.image import AppImage, AppImageArgs
from components.instance import Instance, InstanceArgs
from components.kubernetes_app import KubernetesApp, KubernetesAppArgs
from components.network import Network, NetworkArgs
from components.podman_app import PodmanApp, PodmanAppArgs
from components.registry import Registry, RegistryArgs
from specs import cloud_config
from specs.network import INSTANCE

config = settings.load()

network = Network(
    config.app,
    NetworkArgs(
        compartment_id=config.compartment_id,
        display_name=config.stack_name,
        tags=config.tags,
        spec=config.network,
        target=config.target,
    ),
)

registry = Registry(
    config.app,
    RegistryArgs(
        compartment_id=config.compartment_id,
        host=config.registry_host,
        repository=config.stack_name,
        tags=config.tags,
        username=config.registry_username,
        user_ocid=config.user_ocid,
        token=pulumi.Output.secret(config.registry_token),
        retain_images=config.retain_images,
        repository_id=config.repository_id,
    ),
)

image = AppImage(
    config.app,
    AppImageArgs(
        registry=registry,
        context=config.context,
        staging=config.staging_folder,
        tag=config.image_tag,
        platforms=config.platforms,
        base_image=config.base_image,
        extra_requirements=config.extra_requirements,
        ca_bundle=config.ca_bundle,
        attestations=config.attestations,
        builder=config.builder,
        retain_images=config.retain_images,
    ),
)

if isinstance(config, settings.KubernetesSettings):
    cluster = Cluster(
        config.app,
        ClusterArgs(
            compartment_id=config.compartment_id,
            display_name=config.stack_name,
            tags=config.tags,
            tenancy_ocid=config.tenancy_ocid,
            network=network,
            cluster_id=config.cluster_id,
            private_endpoint=config.private_api_endpoint,
            kubernetes_version=config.kubernetes_version,
            availability_domain=config.availability_domain,
            node_count=config.node_count,
            ocpus=config.ocpus,
            memory_in_gbs=config.memory_in_gbs,
            boot_volume_size_in_gbs=config.boot_volume_size_in_gbs,
            region=config.profile.region,
            profile=config.profile.name,
        ),
    )

    app = KubernetesApp(
        config.app,
        KubernetesAppArgs(
            cluster=cluster,
            network=network,
            registry=registry,
            image=image.reference,
            app=config.app_spec,
            load_balancer=config.load_balancer_spec,
            subnet_id=config.load_balancer_subnet_id,
            security_group_ids=config.load_balancer_security_group_ids,
            secret_files=config.rendered_secret_files,
            tls_certificate=config.tls_certificate,
            tls_private_key=config.tls_private_key,
            retain_claim=config.retain_claim,
        ),
    )

    pulumi.export("tunnel", cluster.kubeconfig.apply(config.tunnel_command))
    pulumi.export("kubeconfig", cluster.kubeconfig.apply(config.kubeconfig_command))
    pulumi.export("clusterId", cluster.cluster_id)
    pulumi.export("dataVolumeId", app.data_volume_id)
    pulumi.export("loadBalancerAddress", app.load_balancer_address)
    pulumi.export("loadBalancerUrl", app.load_balancer_address.apply(config.load_balancer_url))
    pulumi.export("namespace", config.namespace)
else:
    instance = Instance(
        config.app,
        InstanceArgs(
            compartment_id=config.compartment_id,
            display_name=config.stack_name,
            tags=config.tags,
            tenancy_ocid=config.tenancy_ocid,
            availability_domain=config.availability_domain,
            subnet_id=network.subnet_ids[INSTANCE],
            security_group_id=network.security_group_ids[INSTANCE],
            assign_public_ip=config.assign_public_ip,
            operating_system_version=config.operating_system_version,
            image_id=config.image_id,
            ocpus=config.ocpus,
            memory_in_gbs=config.memory_in_gbs,
            boot_volume_size_in_gbs=config.boot_volume_size_in_gbs,
            data_volume_size_in_gbs=config.data_volume_size_in_gbs,
            ssh_public_key=config.ssh_key.public,
            user_data=pulumi.Output.secret(cloud_config.encode(cloud_config.cloud_config(config.host_key))),
            retain_data=config.retain_data,
            data_volume_id=config.data_volume_id,
        ),
    )

    PodmanApp(
        config.app,
        PodmanAppArgs(
            instance=instance,
            network=network,
            registry=registry,
            image=image.reference,
            private_key=config.ssh_key.private,
            host_key=config.host_key,
            port=config.port,
            environment=config.environment,
            secret_files=config.rendered_secret_files,
            data_path=config.data_path,
            health_path=config.health_path,
            user_id=config.user_id,
            memory_gb=config.app_memory_gb,
        ),
    )

    pulumi.export("tunnel", instance.address.apply(config.tunnel_command))
    pulumi.export("ssh", instance.address.apply(config.ssh_command))
    pulumi.export("address", instance.address)
    pulumi.export("instanceId", instance.resource.id)
    pulumi.export("dataVolumeId", instance.volume.id)
    pulumi.export("dataFolder", config.data_folder)

pulumi.export("url", config.url)
pulumi.export("health", config.health_url)
pulumi.export("image", image.reference)
pulumi.export("repositoryId", registry.repository_id)
pulumi.export("retained", config.retained)
