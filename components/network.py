"""A network made from data (`specs.network`): VCN, gateways, subnets, and the security groups that say who may come in.

Owns all of them; in an existing subnet only the security group. Whatever a person could open or close by hand is set, even to its default:
for an input that is not set, the provider keeps what a refresh has written into the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_oci as oci

from specs.lookups import NothingFoundError
from specs.network import ANYWHERE, ICMP, ORACLE_SERVICES, NetworkSpec, SecurityRule, SubnetSpec
from specs.scope import Scope


@dataclass(frozen=True)
class NetworkArgs:
    """What the network is made of."""

    scope: Scope
    spec: NetworkSpec
    # What the network is for; another target needs another VCN.
    target: str


class Network(pulumi.ComponentResource):
    """subnet_ids, security_group_ids: OCIDs by the subnets' names; vcn_id: OCID, None without a network."""

    subnet_ids: dict[str, pulumi.Output[str]]
    security_group_ids: dict[str, pulumi.Output[str]]
    vcn_id: pulumi.Output[str] | None

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:network:Network", name, None, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._services: pulumi.Output[oci.core.outputs.GetServicesServiceResult] | None = None
        self.subnet_ids, self.vcn_id = {}, None
        spec = args.spec
        if spec.existing_subnet_id:
            self.vcn_id = oci.core.get_subnet_output(
                subnet_id=spec.existing_subnet_id, opts=pulumi.InvokeOutputOptions(parent=self)
            ).vcn_id
            self.subnet_ids = {spec.subnets[0].name: pulumi.Output.from_input(spec.existing_subnet_id)}
        elif spec.subnets:
            self._make_network(spec)
        self.security_group_ids = {subnet.name: self._make_security_group(subnet) for subnet in spec.subnets}
        self.register_outputs({"subnet_ids": self.subnet_ids, "security_group_ids": self.security_group_ids})

    def _resource_name(self, *parts: str) -> str:
        return "-".join(part for part in (self._name, *parts) if part)

    def _display_name(self, label: str) -> str:
        return f"{self._args.scope.display_name}-{label}"

    def _make_network(self, spec: NetworkSpec) -> None:
        vcn = oci.core.Vcn(
            self._resource_name("vcn"),
            compartment_id=self._args.scope.compartment_id,
            cidr_blocks=[spec.vcn_cidr],
            display_name=self._display_name("vcn"),
            freeform_tags=self._args.scope.tags,
            # The subnets of two targets overlap, so one VCN cannot have both during a switch. Everything in a VCN is replaced with it.
            # Not deleted before: whether the instance in it goes first depends on how the provider treats an unknown subnet.
            opts=pulumi.ResourceOptions.merge(
                self._child, pulumi.ResourceOptions(replacement_trigger=self._args.target)
            ),
        )
        # A subnet takes the VCN's default list by default, and that list admits SSH from anywhere.
        oci.core.DefaultSecurityList(
            self._resource_name("default-security-list"),
            manage_default_resource_id=vcn.default_security_list_id,
            compartment_id=self._args.scope.compartment_id,
            display_name=self._display_name("empty"),
            freeform_tags=self._args.scope.tags,
            opts=self._child,
        )
        self.vcn_id = vcn.id
        tables = {
            is_public: self._make_routes(is_public) for is_public in {subnet.is_public for subnet in spec.subnets}
        }
        for subnet in spec.subnets:
            self.subnet_ids[subnet.name] = oci.core.Subnet(
                self._resource_name(subnet.name, "subnet"),
                compartment_id=self._args.scope.compartment_id,
                vcn_id=vcn.id,
                cidr_block=subnet.cidr,
                route_table_id=tables[subnet.is_public],
                security_list_ids=[vcn.default_security_list_id],
                prohibit_public_ip_on_vnic=None if subnet.is_public else True,
                display_name=self._display_name(subnet.label),
                freeform_tags=self._args.scope.tags,
                opts=self._child,
            ).id

    def _make_routes(self, is_public: bool) -> pulumi.Output[str]:
        return oci.core.RouteTable(
            self._resource_name("" if is_public else "private", "route-table"),
            compartment_id=self._args.scope.compartment_id,
            vcn_id=self._vcn,
            display_name=self._display_name("public" if is_public else "private"),
            freeform_tags=self._args.scope.tags,
            route_rules=self._public_routes() if is_public else self._private_routes(),
            opts=self._child,
        ).id

    def _public_routes(self) -> list[oci.core.RouteTableRouteRuleArgs]:
        gateway = oci.core.InternetGateway(
            self._resource_name("internet-gateway"),
            compartment_id=self._args.scope.compartment_id,
            vcn_id=self._vcn,
            display_name=self._display_name("internet-gateway"),
            enabled=True,
            freeform_tags=self._args.scope.tags,
            opts=self._child,
        )
        return [self._route(ANYWHERE, gateway.id, "Everything outside through the internet gateway")]

    def _private_routes(self) -> list[oci.core.RouteTableRouteRuleArgs]:
        nat = oci.core.NatGateway(
            self._resource_name("nat-gateway"),
            compartment_id=self._args.scope.compartment_id,
            vcn_id=self._vcn,
            display_name=self._display_name("nat-gateway"),
            block_traffic=False,
            freeform_tags=self._args.scope.tags,
            opts=self._child,
        )
        services = oci.core.ServiceGateway(
            self._resource_name("service-gateway"),
            compartment_id=self._args.scope.compartment_id,
            vcn_id=self._vcn,
            services=[oci.core.ServiceGatewayServiceArgs(service_id=self._oracle_services.id)],
            display_name=self._display_name("service-gateway"),
            freeform_tags=self._args.scope.tags,
            opts=self._child,
        )
        return [
            self._route(ANYWHERE, nat.id, "Everything outside through NAT"),
            self._route(
                self._oracle_services.cidr_block,
                services.id,
                "Oracle's services, the registry among them, without the internet",
                "SERVICE_CIDR_BLOCK",
            ),
        ]

    def _route(
        self,
        destination: pulumi.Input[str],
        gateway_id: pulumi.Input[str],
        description: str,
        kind: str = "CIDR_BLOCK",
    ) -> oci.core.RouteTableRouteRuleArgs:
        return oci.core.RouteTableRouteRuleArgs(
            destination=destination, destination_type=kind, network_entity_id=gateway_id, description=description
        )

    @property
    def _vcn(self) -> pulumi.Output[str]:
        assert self.vcn_id is not None  # noqa: S101 - for the type checker
        return self.vcn_id

    @property
    def _oracle_services(self) -> pulumi.Output[oci.core.outputs.GetServicesServiceResult]:
        """All services of the region; looked up when first needed."""
        if self._services is None:
            # The other one that Oracle lists is only object storage.
            every = oci.core.GetServicesFilterArgs(
                name="name", values=["All .* Services In Oracle Services Network"], regex=True
            )
            found = oci.core.get_services_output(filters=[every], opts=pulumi.InvokeOutputOptions(parent=self))
            self._services = found.services.apply(_only)
        return self._services

    def _make_security_group(self, subnet: SubnetSpec) -> pulumi.Output[str]:
        group = oci.core.NetworkSecurityGroup(
            self._resource_name(subnet.name, "security-group"),
            compartment_id=self._args.scope.compartment_id,
            vcn_id=self._vcn,
            display_name="-".join(
                part for part in (self._args.scope.display_name, subnet.name, "security-group") if part
            ),
            freeform_tags=self._args.scope.tags,
            opts=self._child,
        )
        for rule in subnet.rules:
            self._make_rule(group.id, rule)
        return group.id

    def _make_rule(self, group_id: pulumi.Output[str], rule: SecurityRule) -> None:
        inbound = rule.direction == "INGRESS"
        network: pulumi.Input[str] = rule.network
        kind = "CIDR_BLOCK"
        if rule.network == ORACLE_SERVICES:
            network, kind = self._oracle_services.cidr_block, "SERVICE_CIDR_BLOCK"
        tcp = icmp = None
        if rule.ports:
            tcp = oci.core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs(
                destination_port_range=oci.core.NetworkSecurityGroupSecurityRuleTcpOptionsDestinationPortRangeArgs(
                    min=rule.ports[0], max=rule.ports[1]
                )
            )
        if rule.protocol == ICMP:
            icmp = oci.core.NetworkSecurityGroupSecurityRuleIcmpOptionsArgs(type=3, code=4)
        oci.core.NetworkSecurityGroupSecurityRule(
            f"{self._name}-{rule.name}",
            network_security_group_id=group_id,
            direction=rule.direction,
            protocol=rule.protocol,
            stateless=False,
            description=rule.description,
            source=network if inbound else None,
            source_type=kind if inbound else None,
            destination=None if inbound else network,
            destination_type=None if inbound else kind,
            tcp_options=tcp,
            icmp_options=icmp,
            opts=self._child,
        )


def _only(
    services: Sequence[oci.core.outputs.GetServicesServiceResult],
) -> oci.core.outputs.GetServicesServiceResult:
    if not services:
        raise NothingFoundError(
            "clusterId",
            "is empty, but this region lists no service gateway for all of Oracle's services, which a network of the stack's own needs; "
            "an existing cluster has a network",
            "<OCID>",
        )
    return services[0]
