"""A containerised app on Oracle Cloud: settings, network, registry, image, instance, app, outputs."""

import pulumi

import settings
from components.image import AppImage, AppImageArgs
from components.instance import Instance, InstanceArgs
from components.network import Network, NetworkArgs
from components.podman_app import PodmanApp, PodmanAppArgs
from components.registry import Registry, RegistryArgs
from specs import cloud_config
from specs.network import security_rules

config = settings.load()

network = Network(
    config.app,
    NetworkArgs(
        compartment_id=config.compartment_id,
        display_name=config.stack_name,
        rules=security_rules(config.ssh_networks),
        vcn_cidr=config.vcn_cidr,
        subnet_cidr=config.subnet_cidr,
        subnet_id=config.subnet_id,
    ),
)

registry = Registry(
    config.app,
    RegistryArgs(
        compartment_id=config.compartment_id,
        host=config.registry_host,
        repository=config.stack_name,
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
        sbom_scanner=config.sbom_scanner,
        builder=config.builder,
        retain_images=config.retain_images,
    ),
)

instance = Instance(
    config.app,
    InstanceArgs(
        compartment_id=config.compartment_id,
        display_name=config.stack_name,
        tenancy_ocid=config.tenancy_ocid,
        availability_domain=config.availability_domain,
        subnet_id=network.subnet_id,
        security_group_id=network.security_group.id,
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

pulumi.export("url", config.url)
pulumi.export("health", config.health_url)
pulumi.export("tunnel", instance.address.apply(config.tunnel_command))
pulumi.export("ssh", instance.address.apply(config.ssh_command))
pulumi.export("image", image.reference)
pulumi.export("address", instance.address)
pulumi.export("instanceId", instance.resource.id)
pulumi.export("dataVolumeId", instance.volume.id)
pulumi.export("repositoryId", registry.repository_id)
pulumi.export("dataFolder", config.data_folder)
