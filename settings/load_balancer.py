"""The load balancer in front of the app in a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Json

from settings import rules
from settings.errors import wrong
from settings.key import Form, Section, key, ocid
from settings.network import OwnNetwork
from specs import tls
from specs.errors import error, place_in, remove_command
from specs.load_balancer import MAXIMUM_SECURITY_GROUPS

GROUP = Form(r"^ocid1\.networksecuritygroup\.[A-Za-z0-9.-]+$", "an OCID that begins with ocid1.networksecuritygroup")


class LoadBalancerSettings(Section):
    """The load balancer."""

    load_balancer_internal: bool = key(
        True, "Without a public address. A change replaces the load balancer. false needs tlsCertificate."
    )
    load_balancer_min_mbps: int = key(
        10, "Bandwidth that is always there, in Mbps. Always Free covers 10.", ge=10, le=8192
    )
    load_balancer_max_mbps: int = key(10, "Highest bandwidth, in Mbps.", ge=10, le=8192)
    load_balancer_subnet_id: Annotated[str, ocid("subnet")] = key(
        "",
        "OCID of the load balancer's subnet, for an existing cluster. A change replaces the load balancer.",
        example="ocid1.subnet.oc1.eu-frankfurt-1.example",
    )
    load_balancer_networks: Json[list[OwnNetwork]] = key(
        [],
        "Networks that may reach the load balancer in the stack's own network, as CIDRs; all of the VCN when empty.",
        example="10.0.0.0/16",
    )
    load_balancer_security_group_ids: Json[list[Annotated[str, GROUP]]] = key(
        [],
        "OCIDs of further network security groups of the load balancer; at most five with the one that the stack makes.",
        example="ocid1.networksecuritygroup.oc1.eu-frankfurt-1.example",
    )
    load_balancer_idle_timeout: int = key(
        0,
        "Seconds after which the load balancer closes an idle connection; 0 means its default, 300. Jupyter sends data more often.",
        example="300",
        ge=0,
        le=7200,
    )
    security_list_management_mode: Literal["None", "Frontend", "All"] = key(
        "None",
        "What the cloud controller may write into the subnets' security lists (None, Frontend, All); None with the stack's network.",
    )
    tls_certificate: str = key(
        "",
        "Certificate of the load balancer (PEM, its chain after it). With it the load balancer listens on 443, without it unencrypted "
        "on port.",
        from_file="certificate.pem",
    )
    tls_private_key: str = key(
        "", "Private key of tlsCertificate (PEM, without passphrase).", secret=True, from_file="key.pem"
    )

    def problems(self) -> Iterable[str]:
        """Errors of bandwidth, networks, encryption and certificate."""
        # The cloud controller would raise the maximum without a word (source: oci-cloud-controller-manager, getLBShape).
        if self.load_balancer_max_mbps < self.load_balancer_min_mbps:
            yield wrong(
                "loadBalancerMaxMbps",
                f"is {self.load_balancer_max_mbps}, less than loadBalancerMinMbps {self.load_balancer_min_mbps}",
                str(self.load_balancer_min_mbps),
            )
        yield from rules.duplicate_errors("loadBalancerSecurityGroupIds", self.load_balancer_security_group_ids)
        yield from rules.network_errors("loadBalancerNetworks", self.load_balancer_networks)
        if not self.load_balancer_internal and not self.tls_certificate:
            message = "is false without tlsCertificate: the password would cross the internet in the clear"
            yield wrong("loadBalancerInternal", message, "true")
        if self.tls_certificate and not self.tls_private_key:
            yield wrong("tlsPrivateKey", "is not set, while tlsCertificate is")
        elif self.tls_private_key:
            try:
                tls.check(self.tls_certificate, self.tls_private_key)
            except tls.CertificateError as problem:
                yield wrong(problem.key, str(problem))

    def cluster_problems(self, *, makes_cluster: bool) -> Iterable[str]:
        """Errors that depend on whether the stack makes the cluster."""
        groups = self.load_balancer_security_group_ids
        room = MAXIMUM_SECURITY_GROUPS - (1 if makes_cluster else 0)
        if len(groups) > room:
            own = ", one of which the stack makes" if makes_cluster else ""
            yield error(
                "loadBalancerSecurityGroupIds",
                f"has {len(groups)} groups; a load balancer takes {MAXIMUM_SECURITY_GROUPS}{own}",
                remove_command(place_in("loadBalancerSecurityGroupIds", room)),
            )
        if makes_cluster and self.load_balancer_subnet_id:
            yield wrong("loadBalancerSubnetId", "is for an existing cluster (clusterId); the stack makes its own", "")
        if not makes_cluster and not self.load_balancer_subnet_id:
            message = "is not set; an existing cluster needs a subnet for the load balancer"
            yield wrong("loadBalancerSubnetId", message)
        if makes_cluster and self.security_list_management_mode != "None":
            yield wrong(
                "securityListManagementMode",
                f"is {self.security_list_management_mode}: the cloud controller would write into security lists that this stack owns",
                "None",
            )
