"""Policies on how machines are configured."""

from __future__ import annotations

from collections.abc import Iterable

from policy.rule import UNKNOWN, Policy, Resource, Stack
from specs.resource_types import INSTANCE

_OPTION = "areLegacyImdsEndpointsDisabled"
_PATHS = {
    INSTANCE: f"instanceOptions.{_OPTION}",
    "oci:Core/instanceConfiguration:InstanceConfiguration": f"instanceDetails.launchDetails.instanceOptions.{_OPTION}",
    "oci:ContainerEngine/nodePool:NodePool": f"nodeMetadata.{_OPTION}",
}


def legacy_metadata_service(resource: Resource, _: Stack) -> Iterable[str]:
    """Machines with version 1 of the metadata service, which answers requests without a header."""
    path = _PATHS.get(resource.type)
    if path and resource.at(path) not in (True, "true", UNKNOWN):
        yield f"{resource.name} has the metadata service of version 1: {path} is not true."


POLICIES = (
    Policy(
        "no-imds-v1",
        "Version 1 of the instance metadata service is off on instances and nodes.",
        "An attacker who makes a program fetch an address could read the machine's credentials from it.",
        "set instance_options.are_legacy_imds_endpoints_disabled=True; for a node pool "
        'node_metadata["areLegacyImdsEndpointsDisabled"]="true".',
        check=legacy_metadata_service,
    ),
)
