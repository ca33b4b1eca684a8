"""The configured cluster, or why there is none that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.kubernetes_provider import kubeconfig, sdk
from sandbox.kubernetes_provider.cluster import Cluster
from sandbox.kubernetes_provider.errors import ApiError, ProviderError, UnreachableError
from sandbox.kubernetes_provider.objects import Kind
from sandbox.kubernetes_provider.settings import Settings

_HELP = (
    "unable to load Kubernetes client configuration from kubeconfig file. Make sure you have: \n\n \t • set up the provider as per "
    "https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/ \n\n "
)

# What refresh and delete say of a cluster that is gone, and of a resource that is forgotten with it.
GONE_HINT = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
FORGETTING = (
    "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "
    "Deleting the unreachable resource from Pulumi state"
)


@dataclass(frozen=True)
class Connection:
    """cluster: None when it is unreachable, for the reason told. namespace: for objects without one; "" when none is known."""

    cluster: Cluster | None
    reason: str
    namespace: str

    def has(self, kind: Kind) -> bool:
        """Whether the cluster is reachable and knows the kind."""
        return self.cluster is not None and self.cluster.has(kind)

    def namespaced(self, kind: Kind) -> bool:
        """Whether the kind's objects live in namespaces; what nobody knows is taken to."""
        if kind.namespaced is not None:
            return kind.namespaced
        if self.cluster is None or not self.cluster.has(kind):
            return True
        return self.cluster.resource(kind).namespaced


def connect(settings: Settings) -> Connection:
    """Finds the cluster and looks whether it answers. Never raises for one that does not: some requests need none."""
    try:
        config = kubeconfig.parse(settings.kubeconfig) if settings.kubeconfig else kubeconfig.ambient()
    except ProviderError as error:
        reason = f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"
        return Connection(None, reason, settings.namespace)
    try:
        access = kubeconfig.access(config, settings.context, settings.cluster, settings.namespace)
    except ProviderError as error:
        return Connection(None, f"{_HELP}{error}", settings.namespace or "default")
    cluster = Cluster(access, f"pulumi-kubernetes/{sdk.version()} (sandbox)", settings.timeout)
    try:
        cluster.look()
    except (ApiError, UnreachableError) as error:
        reason = f"unable to load schema information from the API server: {error}"
        return Connection(None, reason, access.namespace)
    return Connection(cluster, "", access.namespace)


def strict_mode(pulumi_config: Mapping[str, str], news: Mapping[str, object]) -> bool:
    """Whether kubernetes:strictMode is set, for the stack or for the provider."""
    return (news.get("strictMode") or pulumi_config.get("strictMode")) == "true"
