"""Everything the emulator has: each service's resource types and functions, by name. A new service is one more line here."""

from __future__ import annotations

from sandbox import paths
from sandbox.oci.cloud import Cloud
from sandbox.oci.function import Function
from sandbox.oci.host import ThisHost
from sandbox.oci.resource import Resource
from sandbox.oci.services import (
    artifacts,
    containerengine,
    containerengine_functions,
    containerengine_nodes,
    core_attachment,
    core_blockstorage,
    core_compute,
    core_images,
    core_network,
    core_routing,
    core_security,
    identity,
    loadbalancer,
    objectstorage,
)

_MADE = (
    *core_network.RESOURCES,
    *core_routing.RESOURCES,
    *core_security.RESOURCES,
    *core_compute.RESOURCES,
    *core_blockstorage.RESOURCES,
    *core_attachment.RESOURCES,
    *artifacts.RESOURCES,
    *containerengine.RESOURCES,
    *containerengine_nodes.RESOURCES,
)
# Another way to manage what a type above makes: it has the same kind.
_TAKEN_OVER = (*core_routing.TAKEN_OVER, *core_security.TAKEN_OVER)

KINDS: dict[str, Resource] = {resource.kind: resource for resource in (*_MADE, *loadbalancer.FOUND)}
RESOURCES: dict[str, Resource] = {resource.type: resource for resource in (*_MADE, *_TAKEN_OVER)}
FUNCTIONS: dict[str, Function] = {
    function.type: function
    for function in (
        *core_network.FUNCTIONS,
        *core_routing.FUNCTIONS,
        *core_images.FUNCTIONS,
        *artifacts.FUNCTIONS,
        *containerengine_functions.FUNCTIONS,
        *identity.FUNCTIONS,
        *objectstorage.FUNCTIONS,
    )
}


def cloud() -> Cloud:
    """The sandbox's own cloud, whose machines are on this host."""
    return Cloud(paths.CLOUD, ThisHost(), KINDS)
