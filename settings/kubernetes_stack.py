"""A stack of target kubernetes: the app in an OKE cluster, behind a load balancer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from settings.cluster import ClusterSettings
from settings.errors import wrong
from settings.load_balancer import LoadBalancerSettings
from settings.stack import KEPT_VOLUME, Stack
from specs import cluster, kubeconfig, secret_files, tls
from specs.app_spec import AppSpec
from specs.errors import error
from specs.load_balancer import NO_ADDRESS, LoadBalancerSpec
from specs.network import NetworkSpec
from specs.shell import quoted


class KubernetesStack(Stack):
    """The configuration of a stack on OKE."""

    # The kubelet keeps 2.2 of 12 GB, and OKE's own pods need some (source: Oracle, "Reserving resources for Kubernetes and OS system
    # daemons").
    RESERVED_GB = 3

    cluster: ClusterSettings
    load_balancer: LoadBalancerSettings

    def problems(self) -> Iterable[str]:
        """Errors of keys together."""
        yield from super().problems()
        most = max(1, self.machine.memory_in_gbs - self.RESERVED_GB)
        yield from self.memory_errors("a node", most, f"{self.RESERVED_GB} GB to Kubernetes")
        if self.cluster.replicas > 1 and Path(self.app.context).name == "jupyterlab":
            message = f"is {self.cluster.replicas}, but JupyterLab keeps its kernels and sessions in one process"
            yield wrong("replicas", message, "1")
        elif self.cluster.replicas > 1 and self.cluster.access_mode == "ReadWriteOnce":
            message = f"is {self.cluster.replicas}, but a ReadWriteOnce volume works on one node only; for more pods, use a file "
            yield wrong("replicas", message + "storageClass with accessMode ReadWriteMany", "1")
        if self.machine.data_volume_id and self.cluster.access_mode != "ReadWriteOnce":
            message = "must be ReadWriteOnce, because dataVolumeId is a block volume"
            yield wrong("accessMode", message, "ReadWriteOnce")
        if len(self.namespace) > 63:
            message = f"its name {self.stack} makes the namespace {self.namespace}, and Kubernetes takes 63 characters"
            yield error("stack", message, f"pulumi stack rename {quoted(self.stack[:20].rstrip('.-'))}")
        if self.registry.registry_host and not self.profile.region:
            message = "is not set, here or in ~/.oci/config; the cluster's tokens are made for it"
            yield wrong("oci:region", message, "eu-frankfurt-1")
        if self.makes_cluster:
            yield from self.platform_errors("nodes")
            yield from self.cluster.network_problems(self.network.vcn)
        yield from self.load_balancer.cluster_problems(makes_cluster=self.makes_cluster)

    @property
    def makes_cluster(self) -> bool:
        """Whether cluster and network are the stack's own."""
        return not self.cluster.cluster_id

    @property
    def namespace(self) -> str:
        """Kubernetes namespace of everything: two stacks in one cluster do not clash."""
        return self.stack_name

    @property
    def retained(self) -> str:
        """What stays when the stack is destroyed, and what to do with it; "" for nothing. If the cluster goes, the volume stays."""
        if self.cluster.retain_claim and not self.makes_cluster:
            return (
                "namespace and claim stay; the next stack of this name adopts them. "
                f"To delete them: kubectl delete namespace {self.namespace}"
            )
        return KEPT_VOLUME if self.cluster.retain_claim else ""

    @property
    def listener_port(self) -> int:
        """TCP port of the load balancer."""
        return 443 if self.load_balancer.tls_certificate else self.app.port

    @property
    def network_spec(self) -> NetworkSpec:
        """The cluster's network; nothing for an existing cluster."""
        if not self.makes_cluster:
            return NetworkSpec(self.network.vcn_cidr, [])
        return cluster.cluster_network(
            self.network.vcn_cidr,
            self.cluster.api_networks,
            self.load_balancer.load_balancer_internal,
            self.listener_port,
            self.load_balancer.load_balancer_networks or [self.network.vcn_cidr],
        )

    @property
    def app_spec(self) -> AppSpec:
        """The app as Kubernetes runs it."""
        return AppSpec(
            container=self.container,
            namespace=self.namespace,
            version=self.image.image_tag,
            cpus=self.machine.ocpus,
            replicas=self.cluster.replicas,
            storage_class=self.cluster.storage_class,
            access_mode=self.cluster.access_mode,
            volume_gb=self.machine.data_volume_size_in_gbs,
            volume_id=self.machine.data_volume_id,
            retained=self.cluster.retain_claim,
            fingerprint=secret_files.fingerprint(self.rendered_secret_files, self.app.password, self.owner),
        )

    @property
    def load_balancer_spec(self) -> LoadBalancerSpec:
        """The load balancer in front of it."""
        certificate = self.load_balancer.tls_certificate
        return LoadBalancerSpec(
            self.load_balancer,
            port=self.listener_port,
            tls_secret=tls.secret_name(self.app.name, certificate) if certificate else "",
        )

    def load_balancer_url(self, address: str) -> str:
        """The app's address for those who reach the load balancer's."""
        scheme = "https" if self.load_balancer.tls_certificate else "http"
        return address if address == NO_ADDRESS else f"{scheme}://{address}:{self.listener_port}"

    def kubeconfig_command(self, kubeconfig_json: str) -> str:
        """The command that writes the kubeconfig into the project's folder."""
        return kubeconfig.write_command(kubeconfig_json, self.stack)

    def tunnel_command(self, kubeconfig_json: str) -> str:
        """The kubectl command of the tunnel, after the one that writes its kubeconfig."""
        ports = (self.app.port, self.listener_port)
        return kubeconfig.tunnel_command(kubeconfig_json, self.stack, self.namespace, self.app.name, ports)
