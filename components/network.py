"""Network of the instance: VCN, public subnet with its way out, and the security group which says who may come in.

Owns all of them; with `subnet_id` only the security group, in the VCN of that subnet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_oci as oci

from specs.network import ANYWHERE, TCP, SecurityRule


@dataclass(frozen=True)
class NetworkArgs:
    """compartment_id: OCID; display_name: prefix of the names in the console; rules: of the security group;
    vcn_cidr, subnet_cidr: ranges to make; subnet_id: OCID of an existing subnet to use instead, or "".
    """

    compartment_id: pulumi.Input[str]
    display_name: str
    rules: Sequence[SecurityRule]
    vcn_cidr: str
    subnet_cidr: str
    subnet_id: str = ""


class Network(pulumi.ComponentResource):
    """subnet_id: where the instance's VNIC goes; security_group: to put on that VNIC."""

    subnet_id: pulumi.Output[str]
    security_group: oci.core.NetworkSecurityGroup

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:network:Network", name, None, opts)
        if args.subnet_id:
            self.subnet_id = pulumi.Output.from_input(args.subnet_id)
            vcn_id = oci.core.get_subnet_output(
                subnet_id=args.subnet_id, opts=pulumi.InvokeOutputOptions(parent=self)
            ).vcn_id
        else:
            vcn_id = self._make_network(name, args)
        self.security_group = self._make_security_group(name, args, vcn_id)
        self.register_outputs({"subnet_id": self.subnet_id, "security_group_id": self.security_group.id})

    def _make_network(self, name: str, args: NetworkArgs) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        vcn = oci.core.Vcn(
            f"{name}-vcn",
            compartment_id=args.compartment_id,
            cidr_blocks=[args.vcn_cidr],
            display_name=f"{args.display_name}-vcn",
            opts=child,
        )
        # A subnet takes the VCN's default list unless told otherwise, and that list admits SSH from anywhere.
        oci.core.DefaultSecurityList(
            f"{name}-default-security-list",
            manage_default_resource_id=vcn.default_security_list_id,
            compartment_id=args.compartment_id,
            display_name=f"{args.display_name}-empty",
            opts=child,
        )
        gateway = oci.core.InternetGateway(
            f"{name}-internet-gateway",
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            display_name=f"{args.display_name}-internet-gateway",
            opts=child,
        )
        routes = oci.core.RouteTable(
            f"{name}-route-table",
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            display_name=f"{args.display_name}-public",
            route_rules=[
                oci.core.RouteTableRouteRuleArgs(
                    destination=ANYWHERE,
                    destination_type="CIDR_BLOCK",
                    network_entity_id=gateway.id,
                    description="Everything outside through the internet gateway",
                )
            ],
            opts=child,
        )
        subnet = oci.core.Subnet(
            f"{name}-subnet",
            compartment_id=args.compartment_id,
            vcn_id=vcn.id,
            cidr_block=args.subnet_cidr,
            route_table_id=routes.id,
            display_name=f"{args.display_name}-public",
            opts=child,
        )
        self.subnet_id = subnet.id
        return vcn.id

    def _make_security_group(
        self, name: str, args: NetworkArgs, vcn_id: pulumi.Input[str]
    ) -> oci.core.NetworkSecurityGroup:
        group = oci.core.NetworkSecurityGroup(
            f"{name}-security-group",
            compartment_id=args.compartment_id,
            vcn_id=vcn_id,
            display_name=f"{args.display_name}-security-group",
            opts=pulumi.ResourceOptions(parent=self),
        )
        for rule in args.rules:
            inbound = rule.direction == "INGRESS"
            ports = None
            if rule.port is not None and rule.protocol == TCP:
                ports = oci.core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs(
                    destination_port_range=oci.core.NetworkSecurityGroupSecurityRuleTcpOptionsDestinationPortRangeArgs(
                        min=rule.port, max=rule.port
                    )
                )
            oci.core.NetworkSecurityGroupSecurityRule(
                f"{name}-{rule.name}",
                network_security_group_id=group.id,
                direction=rule.direction,
                protocol=rule.protocol,
                description=rule.description,
                source=rule.network if inbound else None,
                source_type="CIDR_BLOCK" if inbound else None,
                destination=None if inbound else rule.network,
                destination_type=None if inbound else "CIDR_BLOCK",
                tcp_options=ports,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return group
