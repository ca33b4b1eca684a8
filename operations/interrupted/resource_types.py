"""The resource types that a repeated create duplicates, with the command that looks each of them up."""

from __future__ import annotations

import re

from specs.resource_types import CLUSTER, INSTANCE, REPOSITORY, VOLUME

# A repeated create gives the same resource: a build is pushed to its tag again, a command is written to be repeated, an object of
# Kubernetes is applied by its name (upsert_existing_objects), and the default lists and tables of a VCN are only changed.
REPEATABLE = re.compile(r"docker-build:|command:remote:Command$|kubernetes:|pulumi:providers:|oci:Core/default")

_NAMED = "--compartment-id {compartmentId} --display-name {displayName}"
# source: OCI CLI, command reference.
LOOK_UPS = {
    "oci:Core/vcn:Vcn": ("vcn", f"network vcn list {_NAMED}"),
    "oci:Core/subnet:Subnet": ("subnet", f"network subnet list {_NAMED}"),
    "oci:Core/internetGateway:InternetGateway": ("internetgateway", f"network internet-gateway list {_NAMED}"),
    "oci:Core/natGateway:NatGateway": ("natgateway", f"network nat-gateway list {_NAMED}"),
    "oci:Core/serviceGateway:ServiceGateway": (
        "servicegateway",
        "network service-gateway list --compartment-id {compartmentId} --vcn-id {vcnId}",
    ),
    "oci:Core/routeTable:RouteTable": ("routetable", f"network route-table list {_NAMED}"),
    "oci:Core/networkSecurityGroup:NetworkSecurityGroup": ("networksecuritygroup", f"network nsg list {_NAMED}"),
    "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule": (
        "",
        "network nsg rules list --nsg-id {networkSecurityGroupId}",
    ),
    INSTANCE: ("instance", f"compute instance list {_NAMED}"),
    VOLUME: ("volume", f"bv volume list {_NAMED}"),
    "oci:Core/volumeAttachment:VolumeAttachment": (
        "volumeattachment",
        "compute volume-attachment list --compartment-id {compartmentId} --instance-id {instanceId} --volume-id {volumeId}",
    ),
    REPOSITORY: (
        "containerrepo",
        f"artifacts container repository list {_NAMED}",
    ),
    CLUSTER: ("cluster", "ce cluster list --compartment-id {compartmentId} --name {name}"),
    "oci:ContainerEngine/nodePool:NodePool": (
        "nodepool",
        "ce node-pool list --compartment-id {compartmentId} --name {name}",
    ),
}
"""Type to the word in its OCIDs ("" if its id is no OCID), and arguments of the OCI CLI with inputs of the resource in braces."""
