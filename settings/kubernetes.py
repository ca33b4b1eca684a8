"""Keys and rules of target kubernetes: the app in an OKE cluster, behind a load balancer."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Json

from settings import rules
from settings.app import KEPT_VOLUME, AppSettings, Network
from specs import cluster, kubeconfig, secret_files, tls
from specs.complaints import complaint, place_in, removal
from specs.kubernetes import AppSpec
from specs.load_balancer import MAXIMUM_SECURITY_GROUPS, NO_ADDRESS, LoadBalancerSpec
from specs.network import NetworkSpec
from specs.shell import quoted

Bandwidth = Annotated[int, Field(ge=10, le=8192)]

RESERVED_GB = 3
"""Of a node's memory: what the kubelet keeps for itself (2.2 of 12 GB) and what OKE's own pods take (source: Oracle, "Reserving
resources for Kubernetes and OS system daemons").
"""


class KubernetesSettings(AppSettings):
    """What a stack on OKE is made of. Bandwidths are in Mbps, the idle timeout in seconds, 0 for the load balancer's own."""

    target: Literal["kubernetes"]
    cluster_id: str = Field(pattern=r"^(ocid1\.cluster\.[A-Za-z0-9.-]+)?$")
    private_api_endpoint: bool
    api_networks: Json[list[Network]]
    kubernetes_version: str = Field(pattern=r"^(v[0-9]+\.[0-9]+\.[0-9]+)?$")
    node_count: int = Field(ge=1, le=1000)

    replicas: int = Field(ge=0, le=100)
    storage_class: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"]
    retain_claim: bool

    load_balancer_internal: bool
    load_balancer_min_mbps: Bandwidth
    load_balancer_max_mbps: Bandwidth
    load_balancer_subnet_id: str = Field(pattern=r"^(ocid1\.subnet\.[A-Za-z0-9.-]+)?$")
    load_balancer_networks: Json[list[Network]]
    load_balancer_security_group_ids: Json[
        list[Annotated[str, Field(pattern=r"^ocid1\.networksecuritygroup\.[A-Za-z0-9.-]+$")]]
    ]
    load_balancer_idle_timeout: int = Field(ge=0, le=7200)
    security_list_management_mode: Literal["None", "Frontend", "All"]
    tls_certificate: str
    tls_private_key: str = Field(repr=False)

    def problems(self) -> Iterable[str]:
        """Complaints about what keys say together."""
        yield from super().problems()
        if self.ocpus <= self.memory_in_gbs and self.app_memory_in_gbs > max(1, self.memory_in_gbs - RESERVED_GB):
            yield complaint(
                "appMemoryInGbs",
                f"is {self.app_memory_in_gbs}, but a node has {self.memory_in_gbs}; leave {RESERVED_GB} GB to Kubernetes",
                str(max(1, self.memory_in_gbs - RESERVED_GB)),
            )
        if self.replicas > 1 and Path(self.context).name == "jupyterlab":
            yield complaint(
                "replicas", f"is {self.replicas}, but JupyterLab keeps its kernels and sessions in one process", "1"
            )
        elif self.replicas > 1 and self.access_mode == "ReadWriteOnce":
            yield complaint(
                "replicas",
                f"is {self.replicas}, but a ReadWriteOnce volume is on one node at a time; a storageClass of files and accessMode "
                "ReadWriteMany can have more",
                "1",
            )
        if self.access_mode == "ReadWriteMany" and self.storage_class == "oci-bv":
            yield complaint(
                "accessMode", "is ReadWriteMany, which block volumes (storageClass oci-bv) are not", "ReadWriteOnce"
            )
        if self.data_volume_id and self.access_mode != "ReadWriteOnce":
            yield complaint("dataVolumeId", "is a block volume, which takes accessMode ReadWriteOnce", "")
        yield from self._cluster_problems()
        yield from self._load_balancer_problems()
        yield from self._tls_problems()

    def _cluster_problems(self) -> Iterable[str]:
        if len(self.namespace) > 63:
            yield complaint(
                "stack",
                f"its name {self.stack} makes the namespace {self.namespace}, and Kubernetes takes 63 characters",
                commands=[f"pulumi stack rename {quoted(self.stack[:20].rstrip('.-'))}"],
            )
        if self.registry_host_override and not self.profile.region:
            yield complaint(
                "oci:region",
                "is not set, here or in ~/.oci/config; the cluster's tokens are made for it",
                "eu-frankfurt-1",
            )
        if self.cluster_id:
            if not self.load_balancer_subnet_id:
                yield complaint(
                    "loadBalancerSubnetId", "is not set; a cluster of yours needs a subnet for the load balancer"
                )
            return
        yield from rules.networks("apiNetworks", self.api_networks)
        if not self.api_networks:
            yield complaint("apiNetworks", "is empty: nobody could reach the Kubernetes API, not even this program")
        if "linux/arm64" not in self.platforms:
            yield complaint("platforms", "lacks linux/arm64, the platform of the A1 nodes")
        if self.private_api_endpoint:
            yield complaint(
                "privateApiEndpoint", "is for a cluster of yours (clusterId); the stack's own has a public one", "false"
            )
        if self.load_balancer_subnet_id:
            yield complaint(
                "loadBalancerSubnetId", "is for a cluster of yours (clusterId); the stack makes its own", ""
            )
        vcn = ipaddress.IPv4Network(self.vcn_cidr)
        if not 16 <= vcn.prefixlen <= cluster.SMALLEST_VCN_PREFIX:
            yield complaint(
                "vcnCidr",
                f"is {vcn}; the subnets of a cluster take a prefix of /16 to /{cluster.SMALLEST_VCN_PREFIX}",
            )
        for name, taken in (("pods", cluster.PODS_CIDR), ("Services", cluster.SERVICES_CIDR)):
            if vcn.overlaps(ipaddress.IPv4Network(taken)):
                yield complaint("vcnCidr", f"is {vcn}, which overlaps {taken}, the addresses of the cluster's {name}")

    def _load_balancer_problems(self) -> Iterable[str]:
        # The cloud controller would raise the maximum without a word (source: oci-cloud-controller-manager, getLBShape).
        if self.load_balancer_max_mbps < self.load_balancer_min_mbps:
            yield complaint(
                "loadBalancerMaxMbps",
                f"is {self.load_balancer_max_mbps}, less than loadBalancerMinMbps {self.load_balancer_min_mbps}",
                str(self.load_balancer_min_mbps),
            )
        groups = self.load_balancer_security_group_ids
        room = MAXIMUM_SECURITY_GROUPS - (0 if self.cluster_id else 1)
        if len(groups) > room:
            yield complaint(
                "loadBalancerSecurityGroupIds",
                f"has {len(groups)} groups; a load balancer takes {MAXIMUM_SECURITY_GROUPS}"
                f"{'' if self.cluster_id else ', one of which the stack makes'}",
                commands=[removal(place_in("loadBalancerSecurityGroupIds", room))],
            )
        yield from rules.twice("loadBalancerSecurityGroupIds", groups)
        yield from rules.networks("loadBalancerNetworks", self.load_balancer_networks)
        if not self.cluster_id and self.security_list_management_mode != "None":
            yield complaint(
                "securityListManagementMode",
                f"is {self.security_list_management_mode}: the cloud controller would write into security lists that this stack owns",
                "None",
            )
        if not self.load_balancer_internal and not self.tls_certificate:
            yield complaint(
                "loadBalancerInternal",
                "is false without tlsCertificate: the password would cross the internet in the clear",
                "true",
            )

    def _tls_problems(self) -> Iterable[str]:
        if not self.tls_certificate and not self.tls_private_key:
            return
        if not self.tls_private_key:
            yield complaint("tlsPrivateKey", "is not set, while tlsCertificate is")
            return
        try:
            tls.check(self.tls_certificate, self.tls_private_key)
        except tls.CertificateError as error:
            yield complaint(error.key, str(error))

    @property
    def secret_keys(self) -> Sequence[str]:
        """Keys whose values have to be encrypted in the stack's file."""
        return [*super().secret_keys, *(["tlsPrivateKey"] if self.tls_private_key else [])]

    @property
    def namespace(self) -> str:
        """Kubernetes namespace of everything: two stacks in one cluster do not clash."""
        return self.stack_name

    @property
    def retained(self) -> str:
        """What stays when the stack is destroyed, and what to do with it; "" for nothing. Of a cluster that goes the volume is left."""
        if self.retain_claim and self.cluster_id:
            return (
                "namespace and claim stay; the next stack of this name adopts them. "
                f"To delete them: kubectl delete namespace {self.namespace}"
            )
        return KEPT_VOLUME if self.retain_claim else ""

    @property
    def listener_port(self) -> int:
        """TCP port of the load balancer."""
        return 443 if self.tls_certificate else self.port

    @property
    def network(self) -> NetworkSpec:
        """The cluster's network; nothing for a cluster that is there already."""
        if self.cluster_id:
            return NetworkSpec(self.vcn_cidr, [])
        return cluster.cluster_network(
            self.vcn_cidr,
            self.api_networks,
            self.load_balancer_internal,
            self.listener_port,
            self.load_balancer_networks or [self.vcn_cidr],
        )

    @property
    def app_spec(self) -> AppSpec:
        """The app as Kubernetes runs it."""
        return AppSpec(
            name=self.app,
            namespace=self.namespace,
            version=self.image_tag,
            port=self.port,
            environment=self.environment,
            data_path=self.data_path,
            health_path=self.health_path,
            user_id=self.user_id,
            cpus=self.ocpus,
            memory_gb=self.app_memory_in_gbs or max(1, self.memory_in_gbs - RESERVED_GB),
            replicas=self.replicas,
            storage_class=self.storage_class,
            access_mode=self.access_mode,
            volume_gb=self.data_volume_size_in_gbs,
            volume_id=self.data_volume_id,
            fingerprint=self.fingerprint,
        )

    @property
    def load_balancer_spec(self) -> LoadBalancerSpec:
        """The load balancer in front of it."""
        return LoadBalancerSpec(
            internal=self.load_balancer_internal,
            min_mbps=self.load_balancer_min_mbps,
            max_mbps=self.load_balancer_max_mbps,
            security_list_management_mode=self.security_list_management_mode,
            idle_timeout=self.load_balancer_idle_timeout,
            port=self.listener_port,
            tls_secret=tls.secret_name(self.app, self.tls_certificate) if self.tls_certificate else "",
        )

    def load_balancer_url(self, address: str) -> str:
        """Where the app is for those who reach the load balancer's address."""
        scheme = "https" if self.tls_certificate else "http"
        return address if address == NO_ADDRESS else f"{scheme}://{address}:{self.listener_port}"

    def kubeconfig_command(self, kubeconfig_json: str) -> str:
        """The command that writes the kubeconfig into the project's folder."""
        return kubeconfig.write_command(kubeconfig_json, self.stack)

    def tunnel_command(self, kubeconfig_json: str) -> str:
        """The kubectl command of the tunnel, after the one that writes its kubeconfig."""
        ports = (self.port, self.listener_port)
        return kubeconfig.tunnel_command(kubeconfig_json, self.stack, self.namespace, self.app, ports)

    @cached_property
    def fingerprint(self) -> str:
        """Of the secret files: another one starts the pods anew, and it tells nobody what is in them."""
        return secret_files.fingerprint(self.rendered_secret_files, self.password, self.owner)
