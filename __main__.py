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

config = settings.load()
name, scope, account = config.app.name, config.scope, config.profile

network = Network(name, NetworkArgs(scope, config.network_spec, target=config.target))

registry = Registry(name, RegistryArgs(scope, config.registry, host=config.registry_host, user_ocid=account.user_ocid))

image = AppImage(name, AppImageArgs(registry, config.app, config.image, staging=config.staging_folder))

if isinstance(config, settings.KubernetesStack):
    cluster = Cluster(name, ClusterArgs(scope, network, config.cluster, config.machine, account))
    app = KubernetesApp(
        name,
        KubernetesAppArgs(
            cluster=cluster,
            network=network,
            registry=registry,
            image=image.reference,
            app=config.app_spec,
            load_balancer=config.load_balancer_spec,
            secret_files=config.rendered_secret_files,
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
    user_data = Output.secret(config.user_data)
    instance = Instance(name, InstanceArgs(scope, network, config.instance, config.machine, user_data=user_data))
    PodmanApp(
        name,
        PodmanAppArgs(
            instance=instance,
            network=network,
            registry=registry,
            image=image.reference,
            container=config.container,
            ssh_key=config.instance.ssh_key,
            host_key=config.host_key,
            secret_files=config.rendered_secret_files,
        ),
    )
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
