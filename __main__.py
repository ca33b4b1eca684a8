"""A containerised app on Oracle Cloud: settings, network, registry, image, then an instance or a cluster with the app, outputs."""

from pulumi import Output, export

import settings
from components.cluster import Cluster, ClusterArgs
from components.image import AppImage, AppImageArgs
from components.instance import Instance, InstanceArgs
from components.kubernetes_app import KubernetesApp, KubernetesAppArgs
from components.network import Network, NetworkArgs
from components.podman_app import PodmanApp, PodmanAppArgs
from components.registry import Registry, RegistryArgs
from specs.network import INSTANCE

config = settings.load()
name, scope, profile = config.app.name, config.scope, config.profile
domain, files = config.placement.availability_domain, config.rendered_secret_files

network = Network(name, NetworkArgs(scope, config.network_spec, config.target))

registry = Registry(name, RegistryArgs(scope, config.registry_host, profile.user_ocid, config.registry))

image = AppImage(
    name,
    AppImageArgs(registry, config.image, config.app.context, config.staging_folder, config.registry.retain_images),
)

if isinstance(config, settings.KubernetesStack):
    cluster = Cluster(
        name,
        ClusterArgs(scope, network, config.cluster, config.machine, domain, profile.region, profile.name),
    )
    app = KubernetesApp(
        name,
        KubernetesAppArgs(
            cluster,
            network,
            registry,
            image.reference,
            config.app_spec,
            config.load_balancer_spec,
            config.load_balancer,
            files,
        ),
    )
    export("tunnel", cluster.kubeconfig.apply(config.tunnel_command))
    export("kubeconfig", cluster.kubeconfig.apply(config.kubeconfig_command))
    export("clusterId", cluster.cluster_id)
    export("dataVolumeId", app.data_volume_id)
    export("loadBalancerAddress", app.load_balancer_address)
    export("loadBalancerUrl", app.load_balancer_address.apply(config.load_balancer_url))
    export("namespace", config.namespace)
else:
    subnet, group = network.subnet_ids[INSTANCE], network.security_group_ids[INSTANCE]
    instance = Instance(
        name,
        InstanceArgs(scope, subnet, group, domain, config.instance, config.machine, Output.secret(config.user_data)),
    )
    keys = config.instance.ssh_key, config.host_key
    PodmanApp(name, PodmanAppArgs(instance, network, registry, image.reference, config.container, files, *keys))
    export("tunnel", instance.address.apply(config.tunnel_command))
    export("ssh", instance.address.apply(config.ssh_command))
    export("address", instance.address)
    export("instanceId", instance.resource.id)
    export("dataVolumeId", instance.volume.id)
    export("dataFolder", config.data_folder)

export("url", config.url)
export("health", config.health_url)
export("image", image.reference)
export("repositoryId", registry.repository_id)
export("retained", config.retained)
