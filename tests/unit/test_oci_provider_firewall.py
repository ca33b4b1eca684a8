"""What reaches an instance of the emulated Oracle Cloud: security rules and routes, compiled to the machine's firewall."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import paths
from sandbox.machine import FirewallRule
from sandbox.oci.cloud import Record
from tests.unit.oci_cloud import RULE, Tenancy

ANYWHERE = "0.0.0.0/0"
SSH = FirewallRule("INGRESS", "6", "203.0.113.0/24", (22, 22))
OUT = FirewallRule("EGRESS", "all", ANYWHERE)
OSN = {"destination": "all-fra-services-in-oracle-services-network", "destinationType": "SERVICE_CIDR_BLOCK"}


class Network:
    """A VCN whose default list is emptied, with a way through a gateway; and instances in it."""

    def __init__(self, tenancy: Tenancy, gateway: str = "InternetGateway", **subnet: Any) -> None:
        self.tenancy = tenancy
        vcn = tenancy.make("Vcn")
        self.vcn = vcn.id
        self.default_list = vcn.properties["defaultSecurityListId"]
        tenancy.make("DefaultSecurityList", manageDefaultResourceId=self.default_list)
        self.gateway = tenancy.make(gateway, vcnId=vcn.id)
        way = OSN if gateway == "ServiceGateway" else {"destination": ANYWHERE}
        self.way = {"networkEntityId": self.gateway.id, **way}
        self.table = tenancy.make("RouteTable", vcnId=vcn.id, routeRules=[self.way])
        self.subnet = tenancy.make("Subnet", vcnId=vcn.id, routeTableId=self.table.id, **subnet)
        self.group = tenancy.make("NetworkSecurityGroup", vcnId=vcn.id).id

    def rule(self, **inputs: Any) -> Record:
        return self.tenancy.make(RULE, networkSecurityGroupId=self.group, **inputs)

    def out(self) -> Record:
        return self.rule(direction="EGRESS", protocol="all", source=None, tcpOptions=None, destination=ANYWHERE)

    def instance(self, **vnic: Any) -> Record:
        vnic = {"subnetId": self.subnet.id, "nsgIds": [self.group], **vnic}
        return self.tenancy.make("Instance", createVnicDetails=vnic)

    def admitted(self, instance: Record) -> list[FirewallRule]:
        return self.tenancy.host.machines.firewall[instance.private["machine"]]


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


@pytest.fixture
def network(tenancy: Tenancy) -> Network:
    return Network(tenancy)


def test_nothing_passes_without_a_rule(network: Network) -> None:
    assert network.admitted(network.instance()) == []


def test_the_groups_rules_are_enforced(network: Network) -> None:
    network.rule()
    network.out()
    assert network.admitted(network.instance()) == [OUT, SSH]


def test_rule_changes_are_enforced_immediately(network: Network) -> None:
    instance = network.instance()
    rule = network.rule()
    assert network.admitted(instance) == [SSH]
    network.tenancy.update(RULE, rule, networkSecurityGroupId=network.group, source="198.51.100.7/32")
    assert network.admitted(instance) == [FirewallRule("INGRESS", "6", "198.51.100.7/32", (22, 22))]
    network.tenancy.delete(rule)
    assert network.admitted(instance) == []


def test_machine_receives_only_changed_rules(network: Network) -> None:
    network.instance()
    calls = network.tenancy.host.machines.calls
    before = calls.count(calls[-1])
    network.tenancy.make("NetworkSecurityGroup", vcnId=network.vcn)
    network.tenancy.make("SecurityList", vcnId=network.vcn)
    assert calls.count(calls[-1]) == before


def test_the_rules_of_another_group_do_not_hold_until_the_instance_joins_it(network: Network) -> None:
    group = network.tenancy.make("NetworkSecurityGroup", vcnId=network.vcn).id
    network.tenancy.make(RULE, networkSecurityGroupId=group)
    instance = network.instance()
    assert network.admitted(instance) == []
    vnic = {"subnetId": network.subnet.id, "nsgIds": [group]}
    network.tenancy.update("Instance", instance, createVnicDetails=vnic)
    assert network.admitted(instance) == [SSH]


def test_a_new_vcns_default_list_admits_ssh_from_anywhere_and_lets_everything_out(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn")
    gateway = tenancy.make("InternetGateway", vcnId=vcn.id).id
    rules = [{"networkEntityId": gateway, "destination": ANYWHERE}]
    table = tenancy.make("RouteTable", vcnId=vcn.id, routeRules=rules).id
    subnet = tenancy.make("Subnet", vcnId=vcn.id, routeTableId=table).id
    instance = tenancy.make("Instance", createVnicDetails={"subnetId": subnet})
    firewall = tenancy.host.machines.firewall[instance.private["machine"]]
    assert firewall == [OUT, FirewallRule("INGRESS", "6", ANYWHERE, (22, 22))]
    tenancy.make("DefaultSecurityList", manageDefaultResourceId=vcn.properties["defaultSecurityListId"])
    assert tenancy.host.machines.firewall[instance.private["machine"]] == []


def test_a_security_list_of_the_subnet_is_enforced(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    gateway = tenancy.make("InternetGateway", vcnId=vcn).id
    table = tenancy.make("RouteTable", vcnId=vcn, routeRules=[{"networkEntityId": gateway, "destination": ANYWHERE}]).id
    ingress = [
        {"protocol": "6", "source": "203.0.113.0/24", "tcpOptions": {"min": 80, "max": 81}},
        {"protocol": "1", "source": "203.0.113.0/24"},
    ]
    rules = tenancy.make("SecurityList", vcnId=vcn, ingressSecurityRules=ingress).id
    subnet = tenancy.make("Subnet", vcnId=vcn, routeTableId=table, securityListIds=[rules]).id
    instance = tenancy.make("Instance", createVnicDetails={"subnetId": subnet})
    assert tenancy.host.machines.firewall[instance.private["machine"]] == [
        FirewallRule("INGRESS", "1", "203.0.113.0/24"),
        FirewallRule("INGRESS", "6", "203.0.113.0/24", (80, 81)),
    ]


def test_nothing_comes_in_or_goes_out_without_a_route(network: Network) -> None:
    network.rule()
    network.out()
    instance = network.instance()
    network.tenancy.update("RouteTable", network.table, vcnId=network.vcn)
    assert network.admitted(instance) == []


def test_nothing_comes_in_or_goes_out_through_a_disabled_gateway(network: Network) -> None:
    network.rule()
    instance = network.instance()
    network.tenancy.update("InternetGateway", network.gateway, vcnId=network.vcn, enabled=False)
    assert network.admitted(instance) == []


def test_internet_gateway_needs_a_public_address(network: Network) -> None:
    network.rule()
    network.out()
    instance = network.instance(assignPublicIp="false")
    assert instance.properties["publicIp"] == ""
    assert network.admitted(instance) == []
    vnic = {"subnetId": network.subnet.id, "nsgIds": [network.group], "assignPublicIp": "true"}
    changed = network.tenancy.update("Instance", instance, createVnicDetails=vnic)
    assert changed.properties["publicIp"] == "10.189.0.10"
    assert network.admitted(instance) == [OUT, SSH]


def test_only_networks_with_a_way_back_come_in(network: Network) -> None:
    network.rule(source=ANYWHERE)
    instance = network.instance()
    way = {**network.way, "destination": "203.0.113.0/24"}
    network.tenancy.update("RouteTable", network.table, vcnId=network.vcn, routeRules=[way])
    assert network.admitted(instance) == [SSH]


def test_a_nat_gateway_lets_out_and_not_in(tenancy: Tenancy) -> None:
    network = Network(tenancy, "NatGateway", prohibitPublicIpOnVnic=True)
    network.rule()
    network.out()
    assert network.admitted(network.instance(assignPublicIp="false")) == [OUT]


def test_a_service_gateway_leads_to_the_registry_only(tenancy: Tenancy) -> None:
    network = Network(tenancy, "ServiceGateway", prohibitPublicIpOnVnic=True)
    network.out()
    registry = FirewallRule("EGRESS", "all", f"{paths.REGISTRY_ADDRESS}/32")
    assert network.admitted(network.instance(assignPublicIp="false")) == [registry]


def test_rules_for_private_addresses_let_nobody_in(network: Network) -> None:
    network.rule(source=network.group, sourceType="NETWORK_SECURITY_GROUP")
    assert network.admitted(network.instance()) == []


def test_removed_machine_receives_no_rules(network: Network) -> None:
    instance = network.instance()
    network.tenancy.host.machines.running.clear()
    network.rule()
    assert network.admitted(instance) == []


def test_a_rule_that_cannot_be_enforced_is_not_made(network: Network) -> None:
    network.instance()
    network.tenancy.host.machines.failing = "set_firewall"
    with pytest.raises(RuntimeError, match="set_firewall failed"):
        network.rule()
    assert network.tenancy.cloud.all("securityrule") == []


def test_a_rule_made_while_the_machine_is_resized_holds_afterwards(network: Network) -> None:
    instance = network.instance()
    machines = network.tenancy.host.machines
    seen: list[Record | None] = []

    def meanwhile() -> None:
        network.rule()
        seen.append(network.tenancy.read(instance))

    machines.meanwhile = meanwhile
    vnic = {"subnetId": network.subnet.id, "nsgIds": [network.group]}
    config = {"ocpus": 4, "memoryInGbs": 24}
    network.tenancy.update("Instance", instance, createVnicDetails=vnic, shapeConfig=config)
    assert network.admitted(instance) == [SSH]
    assert seen[0] is not None


def test_a_rule_that_cannot_be_taken_away_is_still_there(network: Network) -> None:
    rule = network.rule()
    network.instance()
    network.tenancy.host.machines.failing = "set_firewall"
    with pytest.raises(RuntimeError, match="set_firewall failed"):
        network.tenancy.delete(rule)
    assert network.tenancy.read(rule) is not None
