"""The load balancer that Oracle's cloud controller makes for a Service, described by the Service's annotations.

All values are texts. The controller ignores or corrects wrong ones without a word, so `settings/load_balancer.py` checks them first.
Source of names and meanings: oci-cloud-controller-manager, load_balancer_spec.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from settings.load_balancer import LoadBalancerSettings

NO_ADDRESS = 'none yet; "kubectl describe service", with kubeconfig and namespace as in the output tunnel, says why'
"""What a preview shows instead of an address. An update waits for the address, or fails with the events of the Service."""

PREFIX = "service.beta.kubernetes.io/oci-load-balancer-"
INTERNAL = f"{PREFIX}internal"
SUBNET = f"{PREFIX}subnet1"
SECURITY_GROUPS = "oci.oraclecloud.com/oci-network-security-groups"

MAXIMUM_SECURITY_GROUPS = 5

Text = Any
"""A text, or Pulumi's output of one."""


@dataclass(frozen=True)
class LoadBalancerSpec:
    """The load balancer in front of one app."""

    settings: LoadBalancerSettings
    # Of the listener.
    port: int
    # Name of the secret with the certificate, or "".
    tls_secret: str


def address(status: Any) -> str:
    """The IP address in the status of a Service, or NO_ADDRESS."""
    ingress = status and status.load_balancer and status.load_balancer.ingress
    return (ingress and ingress[0].ip) or NO_ADDRESS


def service_annotations(spec: LoadBalancerSpec, subnet_id: Text, security_group_ids: Text) -> dict[str, Text]:
    """The Service's annotations. subnet_id: OCID; security_group_ids: OCIDs with commas between them, "" for none."""
    result: dict[str, Text] = {
        "oci.oraclecloud.com/load-balancer-type": "lb",
        INTERNAL: str(spec.settings.load_balancer_internal).lower(),
        f"{PREFIX}shape": "flexible",
        f"{PREFIX}shape-flex-min": str(spec.settings.load_balancer_min_mbps),
        f"{PREFIX}shape-flex-max": str(spec.settings.load_balancer_max_mbps),
        f"{PREFIX}security-list-management-mode": spec.settings.security_list_management_mode,
        SUBNET: subnet_id,
    }
    if security_group_ids:
        result[SECURITY_GROUPS] = security_group_ids
    if spec.settings.load_balancer_idle_timeout:
        result[f"{PREFIX}connection-idle-timeout"] = str(spec.settings.load_balancer_idle_timeout)
    if spec.tls_secret:
        result[f"{PREFIX}ssl-ports"] = str(spec.port)
        result[f"{PREFIX}tls-secret"] = spec.tls_secret
    return result
