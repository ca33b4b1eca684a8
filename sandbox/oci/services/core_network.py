"""Core services, networking: VCNs and subnets.

Inputs as in core_vcn_resource.go and core_subnet_resource.go; refusals as users report them (oracle/terraform-provider-oci issues 660 and
2185, oracle/oci-cli issue 1108) and as OCI documentation, "VCNs and Subnets", describes them. IPv6 is not done.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator

from typing_extensions import override

from sandbox.oci import checks, firewall
from sandbox.oci.cloud import Cloud, Record, new_id, now
from sandbox.oci.declare import ANY_CASE, KEEP, REPLACE, SET, TAGS, UPDATE, Inputs, Reference, Table
from sandbox.oci.errors import Problem, conflict, invalid
from sandbox.oci.function import Function
from sandbox.oci.resource import Resource
from sandbox.oci.values import at
from sandbox.oci.wire import UNKNOWN, Properties

IN_VCN = Reference(("vcn",))
GATEWAY_IN_VCN = Reference(
    ("vcn",), code="IncorrectState", refusal="{target} is associated with Gateway that is in use"
)

# What a new VCN's default security list admits (source: OCI documentation, "Security Lists", "Default Security List").
_DEFAULT_INGRESS = [
    {"source": "0.0.0.0/0", "protocol": "6", "tcpOptions": {"min": 22, "max": 22}},
    {"source": "0.0.0.0/0", "protocol": "1", "icmpOptions": {"type": 3, "code": 4}},
]
_DEFAULT_EGRESS = [{"destination": "0.0.0.0/0", "protocol": "all", "destinationType": "CIDR_BLOCK", "stateless": False}]


class Vcn(Resource):
    """A VCN, with its default route table and default security list."""

    type = "oci:Core/vcn:Vcn"
    kind = "vcn"
    title = "VCN"
    inputs = Inputs(
        {
            **TAGS,
            "compartmentId": UPDATE,
            "cidrBlock": REPLACE | KEEP,
            "cidrBlocks": KEEP,
            "displayName": KEEP,
            "dnsLabel": REPLACE | KEEP | ANY_CASE,
        }
    )
    checks = Table(
        {
            "cidrBlock": checks.network(30, 16),
            "cidrBlocks": checks.network(30, 16),
            "displayName": checks.display_name,
            "dnsLabel": checks.dns_label,
        }
    )

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        if ("cidrBlock" in inputs) == ("cidrBlocks" in inputs):
            yield Problem("cidrBlocks", "is required, and cidrBlock (deprecated) not to be set beside it")
        blocks = inputs.get("cidrBlocks", UNKNOWN)
        if blocks is not UNKNOWN and not blocks:
            yield Problem("cidrBlocks", "must name a network at least")
        known = [_network(block) for block in blocks if block is not UNKNOWN] if blocks is not UNKNOWN else []
        if any(one and other and one.overlaps(other) for index, one in enumerate(known) for other in known[:index]):
            yield Problem("cidrBlocks", "must not overlap")

    @override
    def draft(self, cloud: Cloud, id: str, inputs: Properties) -> Record:
        record = super().draft(cloud, id, inputs)
        name = record.properties["displayName"]
        common = {
            "compartmentId": inputs["compartmentId"],
            "vcnId": id,
            "definedTags": {},
            "freeformTags": {},
        }
        common |= {"state": "AVAILABLE", "timeCreated": now()}
        table = Record(new_id("routetable"), "routetable", {**common, "routeRules": []}, owner=id)
        # Destination unreachable from within the VCN is a rule of its own in the cloud.
        within = [
            {"source": block, "protocol": "1", "icmpOptions": {"type": 3, "code": -1}}
            for block in record.properties["cidrBlocks"]
        ]
        ingress = [{"sourceType": "CIDR_BLOCK", "stateless": False, **rule} for rule in (*_DEFAULT_INGRESS, *within)]
        rules = {"ingressSecurityRules": ingress, "egressSecurityRules": _DEFAULT_EGRESS}
        security = Record(new_id("securitylist"), "securitylist", {**common, **rules}, owner=id)
        cloud.put(table.with_properties(displayName=f"Default Route Table for {name}"))
        cloud.put(security.with_properties(displayName=f"Default Security List for {name}"))
        # Nothing can be done with DHCP options here, hence no record of them.
        return record.with_properties(
            defaultRouteTableId=table.id,
            defaultSecurityListId=security.id,
            defaultDhcpOptionsId=new_id("dhcpoptions"),
        )

    @override
    def derived(self, properties: Properties) -> Properties:
        blocks = properties.get("cidrBlocks") or [properties["cidrBlock"]]
        if blocks is UNKNOWN:
            return properties
        label = properties.get("dnsLabel")
        domain = {"vcnDomainName": f"{label}.oraclevcn.com"} if label and label is not UNKNOWN else {}
        return {**properties, **domain, "cidrBlocks": blocks, "cidrBlock": blocks[0]}

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        if before is None:
            return
        old, new = before.properties["cidrBlocks"], record.properties["cidrBlocks"]
        removed, added = set(old) - set(new), set(new) - set(old)
        # source: the provider's documentation of cidr_blocks.
        if max(len(removed), len(added)) > 1:
            raise invalid(
                "cidr_blocks update must be restricted to one operation at a time (either add/remove or modify one single cidr_block)"
            )
        for subnet in cloud.all("subnet"):
            if subnet.properties["vcnId"] == record.id and not _within(subnet.properties["cidrBlock"], new):
                raise conflict(f"The VCN {record.id} cannot lose a CIDR block that the Subnet {subnet.id} lies in.")


class Subnet(Resource):
    """A subnet. It has no address range but cidrBlock."""

    type = "oci:Core/subnet:Subnet"
    kind = "subnet"
    title = "Subnet"
    inputs = Inputs(
        {
            **TAGS,
            "compartmentId": UPDATE,
            "vcnId": REPLACE,
            "availabilityDomain": REPLACE | KEEP | ANY_CASE,
            "cidrBlock": KEEP,
            "displayName": KEEP,
            "dnsLabel": REPLACE | KEEP | ANY_CASE,
            "prohibitInternetIngress": REPLACE | KEEP,
            "prohibitPublicIpOnVnic": REPLACE | KEEP,
            "routeTableId": KEEP,
            "securityListIds": KEEP | SET,
        }
    )
    checks = Table(
        {
            "availabilityDomain": checks.availability_domain,
            "cidrBlock": checks.network(30, 16),
            "displayName": checks.display_name,
            "dnsLabel": checks.dns_label,
        }
    )
    references = Table(
        {
            "vcnId": IN_VCN,
            "routeTableId": Reference(("routetable",)),
            "securityListIds": Reference(("securitylist",)),
        }
    )

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        if "cidrBlock" not in inputs:
            yield Problem(
                "cidrBlock",
                "is required (a subnet without an IPv4 network is not supported by the sandbox's Oracle Cloud)",
            )
        lists = inputs.get("securityListIds", [])
        if lists is not UNKNOWN and len(lists) > 5:
            yield Problem("securityListIds", "must name 5 security lists at most")
        ingress, public = (inputs.get(name, UNKNOWN) for name in ("prohibitInternetIngress", "prohibitPublicIpOnVnic"))
        if UNKNOWN not in (ingress, public) and ingress != public:
            # source: OCI API, CreateSubnetDetails.prohibitInternetIngress.
            yield Problem("prohibitInternetIngress", "must be the same as prohibitPublicIpOnVnic when both are set")

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        vcn = cloud.require(inputs["vcnId"], "vcn").properties
        private = inputs.get("prohibitPublicIpOnVnic", inputs.get("prohibitInternetIngress", False))
        names = [inputs.get("dnsLabel"), vcn.get("vcnDomainName")]
        return {
            "prohibitPublicIpOnVnic": private,
            "prohibitInternetIngress": private,
            "routeTableId": vcn["defaultRouteTableId"],
            "securityListIds": [vcn["defaultSecurityListId"]],
            "dhcpOptionsId": vcn["defaultDhcpOptionsId"],
            "virtualRouterMac": "00:00:17:" + ":".join(f"{byte:02X}" for byte in secrets.token_bytes(3)),
            **({"subnetDomainName": ".".join(map(str, names))} if all(names) else {}),
        }

    @override
    def derived(self, properties: Properties) -> Properties:
        network = _network(properties["cidrBlock"])
        return {**properties, "virtualRouterIp": str(network[1])} if network else properties

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        subnet = record.properties
        vcn = cloud.require(subnet["vcnId"], "vcn").properties
        block = subnet["cidrBlock"]
        if not _within(block, vcn["cidrBlocks"]):
            raise invalid(
                f"The requested CIDR {block} is invalid: it is not within the CIDR blocks of VCN {subnet['vcnId']}."
            )
        for other in cloud.all("subnet"):
            if other.id == record.id or other.properties["vcnId"] != subnet["vcnId"]:
                continue
            if ipaddress.IPv4Network(block).overlaps(ipaddress.IPv4Network(other.properties["cidrBlock"])):
                raise invalid(
                    f"The requested CIDR {block} is invalid: subnet {other.id} with CIDR {other.properties['cidrBlock']} "
                    "overlaps with this CIDR."
                )
            if subnet.get("dnsLabel") and subnet["dnsLabel"] == other.properties.get("dnsLabel"):
                raise conflict(f"The dnsLabel {subnet['dnsLabel']} is already used by subnet {other.id} of the VCN.")
        if subnet.get("dnsLabel") and not vcn.get("dnsLabel"):
            raise invalid(f"dnsLabel cannot be set: VCN {subnet['vcnId']} has no dnsLabel.")
        for instance in cloud.all("instance"):
            address = ipaddress.IPv4Address(instance.properties["privateIp"])
            if instance.properties["subnetId"] == record.id and address not in ipaddress.IPv4Network(block):
                raise conflict(
                    f"The Subnet {record.id} cannot lose the address {address} of VNIC {instance.private['vnicId']}."
                )
        same_vcn(cloud, subnet["vcnId"], "routetable", at(subnet, "routeTableId"))
        same_vcn(cloud, subnet["vcnId"], "securitylist", at(subnet, "securityListIds"))

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        firewall.sync(cloud)


def same_vcn(cloud: Cloud, vcn: str, kind: str, ids: list[str]) -> None:
    """Refuse what belongs to another VCN than its user."""
    for id in ids:
        if cloud.require(id, kind).properties["vcnId"] != vcn:
            raise invalid(f"{cloud.kinds[kind].title} {id} does not belong to VCN {vcn}.")


def _network(block: object) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(str(block))
    except ValueError:
        return None


def _within(block: str, blocks: list[str]) -> bool:
    return any(ipaddress.IPv4Network(block).subnet_of(ipaddress.IPv4Network(other)) for other in blocks)


def _get_vcn(cloud: Cloud, arguments: Properties) -> Properties:
    record = cloud.require(arguments["vcnId"], "vcn")
    return {**record.properties, "id": record.id}


def _get_subnet(cloud: Cloud, arguments: Properties) -> Properties:
    record = cloud.require(arguments["subnetId"], "subnet")
    return {**record.properties, "id": record.id}


RESOURCES: tuple[Resource, ...] = (Vcn(), Subnet())
FUNCTIONS = (
    Function("oci:Core/getVcn:getVcn", _get_vcn),
    Function("oci:Core/getSubnet:getSubnet", _get_subnet),
)
