"""What the emulated Oracle Cloud refuses, in the cloud's words, and what it leaves behind then: nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.oci.errors import ServiceError
from sandbox.oci.services.core_images import image_id
from tests.unit.oci_cloud import DEVICE, OTHER, RULE, SECOND, Tenancy

Case = Callable[[Tenancy], Any]


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


def instance(tenancy: Tenancy, subnet: str, **vnic: Any) -> Any:
    return tenancy.make("Instance", createVnicDetails={"subnetId": subnet, **vnic})


def vcn_with(type_name: str) -> Case:
    def case(tenancy: Tenancy) -> None:
        vcn = tenancy.make("Vcn")
        tenancy.make(type_name, vcnId=vcn.id)
        tenancy.delete(vcn)

    return case


def subnet_with_vnic(tenancy: Tenancy) -> None:
    subnet = tenancy.make("Subnet")
    instance(tenancy, subnet.id)
    tenancy.delete(subnet)


def group_with_vnic(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    group = tenancy.make("NetworkSecurityGroup", vcnId=vcn)
    instance(tenancy, tenancy.make("Subnet", vcnId=vcn).id, nsgIds=[group.id])
    tenancy.delete(group)


def route_table_in_use(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    table = tenancy.make("RouteTable", vcnId=vcn)
    tenancy.make("Subnet", vcnId=vcn, routeTableId=table.id)
    tenancy.delete(table)


def security_list_in_use(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    rules = tenancy.make("SecurityList", vcnId=vcn)
    tenancy.make("Subnet", vcnId=vcn, securityListIds=[rules.id])
    tenancy.delete(rules)


def gateway_in_use(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    gateway = tenancy.make("InternetGateway", vcnId=vcn)
    tenancy.make("RouteTable", vcnId=vcn, routeRules=[{"networkEntityId": gateway.id, "destination": "0.0.0.0/0"}])
    tenancy.delete(gateway)


def attached_volume(tenancy: Tenancy) -> None:
    volume = tenancy.make("Volume")
    tenancy.make("VolumeAttachment", volumeId=volume.id)
    tenancy.delete(volume)


def volume_in_two_instances(tenancy: Tenancy) -> None:
    volume = tenancy.make("Volume").id
    tenancy.make("VolumeAttachment", volumeId=volume)
    tenancy.make("VolumeAttachment", volumeId=volume)


def two_volumes_at_one_device(tenancy: Tenancy) -> None:
    machine = tenancy.make("Instance").id
    tenancy.make("VolumeAttachment", instanceId=machine)
    tenancy.make("VolumeAttachment", instanceId=machine)


def two_of(type_name: str, **inputs: Any) -> Case:
    def case(tenancy: Tenancy) -> None:
        common = {"vcnId": tenancy.make("Vcn").id} if "Gateway" in type_name else {}
        tenancy.make(type_name, **common, **inputs)
        tenancy.make(type_name, **common, **inputs)

    return case


def overlapping_subnets(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    tenancy.make("Subnet", vcnId=vcn)
    tenancy.make("Subnet", vcnId=vcn, cidrBlock="10.0.0.128/25", dnsLabel=None)


def another_vcns_route_table(tenancy: Tenancy) -> None:
    tenancy.make("Subnet", routeTableId=tenancy.make("RouteTable").id)


def another_vcns_group(tenancy: Tenancy) -> None:
    instance(tenancy, tenancy.make("Subnet").id, nsgIds=[tenancy.make("NetworkSecurityGroup").id])


def another_vcns_gateway(tenancy: Tenancy) -> None:
    gateway = tenancy.make("InternetGateway").id
    tenancy.make("RouteTable", routeRules=[{"networkEntityId": gateway, "destination": "0.0.0.0/0"}])


def service_by_internet_gateway(tenancy: Tenancy) -> None:
    gateway = tenancy.make("InternetGateway")
    service = {"destination": "all-fra-services-in-oracle-services-network", "destinationType": "SERVICE_CIDR_BLOCK"}
    rule = {"networkEntityId": gateway.id, **service}
    tenancy.make("RouteTable", vcnId=gateway.properties["vcnId"], routeRules=[rule])


def public_address_in_private_subnet(tenancy: Tenancy) -> None:
    instance(tenancy, tenancy.make("Subnet", prohibitPublicIpOnVnic=True).id)


def one_host_name_twice(tenancy: Tenancy) -> None:
    subnet = tenancy.make("Subnet").id
    instance(tenancy, subnet, hostnameLabel="app")
    instance(tenancy, subnet, hostnameLabel="app")


def one_address_twice(tenancy: Tenancy) -> None:
    subnet = tenancy.make("Subnet").id
    instance(tenancy, subnet, privateIp="10.0.0.9")
    instance(tenancy, subnet, privateIp="10.0.0.9")


def image_of_another_processor(tenancy: Tenancy) -> None:
    image = image_id("Oracle-Linux-9.6-2025.09.16-0")
    tenancy.make("Instance", sourceDetails={"sourceType": "image", "sourceId": image})


def smaller_volume(tenancy: Tenancy) -> None:
    volume = tenancy.make("Volume", sizeInGbs="60")
    tenancy.update("Volume", volume, sizeInGbs="50")


def smaller_boot_volume(tenancy: Tenancy) -> None:
    source = tenancy.inputs("Instance")["sourceDetails"]
    machine = tenancy.make("Instance", sourceDetails={**source, "bootVolumeSizeInGbs": "60"})
    vnic = {"subnetId": machine.properties["subnetId"]}
    tenancy.update("Instance", machine, createVnicDetails=vnic, sourceDetails=source)


def two_changes_of_cidrs(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn")
    tenancy.update("Vcn", vcn, cidrBlocks=["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"])


def cidr_with_a_subnet_taken_away(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn", cidrBlocks=["10.0.0.0/16", "10.1.0.0/16"])
    tenancy.make("Subnet", vcnId=vcn.id, cidrBlock="10.1.0.0/24")
    tenancy.update("Vcn", vcn, cidrBlocks=["10.0.0.0/16"])


NONE = "ocid1.{}.oc1.eu-frankfurt-1.none"
REFUSED: dict[str, tuple[Case, str]] = {
    "VCN with a subnet": (vcn_with("Subnet"), r"409-Conflict, The VCN \S+ references the Subnet \S+\. You must remove"),
    "VCN with a group": (vcn_with("NetworkSecurityGroup"), "409-Conflict, The VCN"),
    "VCN with a route table": (vcn_with("RouteTable"), "409-Conflict, The VCN"),
    "VCN with a security list": (vcn_with("SecurityList"), "409-Conflict, The VCN"),
    "VCN with an internet gateway": (
        vcn_with("InternetGateway"),
        "409-IncorrectState, .* is associated with Gateway that is in use",
    ),
    "VCN with a NAT gateway": (vcn_with("NatGateway"), "409-IncorrectState"),
    "VCN with a service gateway": (vcn_with("ServiceGateway"), "409-IncorrectState"),
    "subnet with a VNIC": (subnet_with_vnic, r"409-Conflict, The Subnet \S+ references the VNIC ocid1\.vnic\."),
    "group with a VNIC": (group_with_vnic, r"409-Conflict, The NetworkSecurityGroup \S+ references the VNIC"),
    "route table in use": (route_table_in_use, "409-Conflict, The RouteTable"),
    "security list in use": (security_list_in_use, "409-Conflict, The SecurityList"),
    "gateway in use": (gateway_in_use, "409-Conflict, InternetGateway .* is in use by route table"),
    "attached volume": (attached_volume, "409-Conflict, Volume .* may not be deleted while attached to an Instance"),
    "volume in two instances": (volume_in_two_instances, "409-Conflict, .* is not configured as shareable"),
    "two volumes at one device": (two_volumes_at_one_device, f"409-Conflict, Device {DEVICE} is already in use"),
    "attachment in another AD": (
        lambda t: t.make("VolumeAttachment", volumeId=t.make("Volume", availabilityDomain=SECOND).id),
        "400-InvalidParameter, .* same availability domain",
    ),
    "second internet gateway": (two_of("InternetGateway"), "400-LimitExceeded"),
    "second NAT gateway": (two_of("NatGateway"), "400-LimitExceeded, NAT gateway limit per VCN reached"),
    "second service gateway": (two_of("ServiceGateway"), "The maximum limit of 1 for Service gateway per VCN"),
    "second repository of a name": (two_of("ContainerRepository"), "409-Conflict, Repository already exists"),
    "subnet outside": (
        lambda t: t.make("Subnet", cidrBlock="10.9.0.0/24"),
        "400-InvalidParameter, .* 10.9.0.0/24 is invalid",
    ),
    "overlapping subnets": (overlapping_subnets, "400-InvalidParameter, .* overlaps with this CIDR"),
    "subnet's name without the VCN's": (
        lambda t: t.make("Subnet", vcnId=t.make("Vcn", dnsLabel=None).id),
        "dnsLabel cannot be set",
    ),
    "another VCN's route table": (
        another_vcns_route_table,
        "400-InvalidParameter, RouteTable .* does not belong to VCN",
    ),
    "another VCN's group": (another_vcns_group, "400-InvalidParameter, NetworkSecurityGroup .* does not belong to VCN"),
    "another VCN's gateway": (another_vcns_gateway, "400-InvalidParameter, .* does not belong to VCN"),
    "service through the internet gateway": (service_by_internet_gateway, "400-InvalidParameter, .* destinationType"),
    "public address in a private subnet": (
        public_address_in_private_subnet,
        r"400-InvalidParameter, Public IP addresses are prohibited in this subnet \{ocid1\.subnet\.",
    ),
    "one host name twice": (one_host_name_twice, "409-Conflict, The hostnameLabel app is already used"),
    "host name without the subnet's": (
        lambda t: instance(t, t.make("Subnet", dnsLabel=None).id, hostnameLabel="app"),
        "hostnameLabel cannot be set",
    ),
    "one address twice": (one_address_twice, "409-Conflict, privateIp 10.0.0.9 is already in use"),
    "the router's address": (
        lambda t: instance(t, t.make("Subnet").id, privateIp="10.0.0.1"),
        "400-InvalidParameter, privateIp 10.0.0.1 is not",
    ),
    "instance outside of the subnet's AD": (
        lambda t: instance(t, t.make("Subnet", availabilityDomain=SECOND).id),
        "400-InvalidParameter, .* another availability domain",
    ),
    "image of another processor": (
        image_of_another_processor,
        "400-InvalidParameter, Shape VM.Standard.A1.Flex is not valid for image ocid1.image",
    ),
    "smaller volume": (smaller_volume, "400-InvalidParameter, .* cannot be made smaller"),
    "smaller boot volume": (smaller_boot_volume, "400-InvalidParameter, .* cannot be made smaller"),
    "two changes of CIDRs": (two_changes_of_cidrs, "400-InvalidParameter, cidr_blocks update must be restricted"),
    "CIDR with a subnet taken away": (cidr_with_a_subnet_taken_away, "409-Conflict, The VCN .* cannot lose"),
    "no such VCN": (lambda t: t.make("Subnet", vcnId=NONE.format("vcn")), "404-NotAuthorizedOrNotFound"),
    "no such subnet": (lambda t: instance(t, NONE.format("subnet")), "404-NotAuthorizedOrNotFound"),
    "a VCN for a subnet": (lambda t: instance(t, t.make("Vcn").id), "404-NotAuthorizedOrNotFound"),
    "no such group": (lambda t: t.make(RULE, networkSecurityGroupId=NONE.format("nsg")), "404-NotAuthorizedOrNotFound"),
    "no such volume": (
        lambda t: t.make("VolumeAttachment", volumeId=NONE.format("volume")),
        "404-NotAuthorizedOrNotFound",
    ),
    "no such instance": (
        lambda t: t.make("VolumeAttachment", instanceId=NONE.format("instance")),
        "404-NotAuthorizedOrNotFound",
    ),
    "no such image": (
        lambda t: t.make("Instance", sourceDetails={"sourceType": "image", "sourceId": NONE.format("image")}),
        "404-NotAuthorizedOrNotFound",
    ),
    "no such default list": (
        lambda t: t.make("DefaultSecurityList", manageDefaultResourceId=t.make("SecurityList").id),
        "404-NotAuthorizedOrNotFound",
    ),
    "no such compartment": (lambda t: t.make("Vcn", compartmentId=OTHER), "404-NotAuthorizedOrNotFound"),
    "an OCID that is a path": (lambda t: t.make("Subnet", vcnId="../../../etc/passwd"), "404-NotAuthorizedOrNotFound"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_request_is_refused(tenancy: Tenancy, name: str) -> None:
    case, words = REFUSED[name]
    with pytest.raises(ServiceError, match=words):
        case(tenancy)


def test_a_refused_resource_is_not_there(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    before = tenancy.cloud.everything()
    with pytest.raises(ServiceError):
        tenancy.make("Subnet", vcnId=vcn, cidrBlock="10.9.0.0/24")
    assert tenancy.cloud.everything() == before
