"""How machines are set up."""

from __future__ import annotations

from collections.abc import Iterable

from policy.rule import UNKNOWN, Policy, Resource, Stack

_OPTION = "areLegacyImdsEndpointsDisabled"
_PLACES = {
    "oci:Core/instance:Instance": f"instanceOptions.{_OPTION}",
    "oci:Core/instanceConfiguration:InstanceConfiguration": f"instanceDetails.launchDetails.instanceOptions.{_OPTION}",
    "oci:ContainerEngine/nodePool:NodePool": f"nodeMetadata.{_OPTION}",
}


def legacy_metadata_service(resource: Resource, _: Stack) -> Iterable[str]:
    """Machines whose metadata service answers without the header that version 2 asks for."""
    place = _PLACES.get(resource.type)
    if place and resource.at(place) not in (True, "true", UNKNOWN):
        yield f"{resource.name} has the metadata service of version 1: {place} is not true."


POLICIES = (
    Policy(
        "no-imds-v1",
        "Instances and nodes answer version 1 of the instance metadata service not at all.",
        "A program that can be made to fetch an address could fetch the machine's credentials from it.",
        "set instance_options.are_legacy_imds_endpoints_disabled=True; for a node pool "
        'node_metadata["areLegacyImdsEndpointsDisabled"]="true".',
        check=legacy_metadata_service,
    ),
)
