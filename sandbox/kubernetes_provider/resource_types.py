"""Which resource types the emulator makes, by the URN of a resource."""

from __future__ import annotations

from sandbox.kubernetes_provider import sdk
from sandbox.kubernetes_provider.errors import ProviderError, UnsupportedError
from sandbox.kubernetes_provider.objects import Kind


def kind_of(urn: str) -> Kind:
    """Of a resource. Raises UnsupportedError, or ProviderError for a list, for what is not made here."""
    own = token(urn)
    kind = Kind.of_token(own)
    if kind is None or kind.group.startswith("helm.sh"):
        raise UnsupportedError(own)
    if kind.kind == "CustomResourceDefinition" or kind.kind.endswith("Patch"):
        raise UnsupportedError(own)
    if kind.kind.endswith("List"):
        raise ProviderError(
            "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created directly. "
            "Use the underlying resource type instead"
        )
    try:
        sdk.inputs(own)
    except sdk.NotInSdkError as error:
        raise UnsupportedError(f"{own} ({error}; a custom resource)") from None
    return kind


def token(urn: str) -> str:
    """The type of the resource itself, such as `kubernetes:apps/v1:Deployment`."""
    # The URN's type is qualified: for a child of a component, "parent's type$own type".
    return urn.split("::")[2].rpartition("$")[2]
