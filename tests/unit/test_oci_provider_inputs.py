"""Which inputs the emulated Oracle Cloud takes, and what a change of them does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.oci.diff import META
from sandbox.oci.wire import UNKNOWN
from tests.unit.oci_cloud import FIRST, IMAGE, RULE, SECOND, TYPES, Tenancy

NETWORK = "ocid1.vcn.oc1.eu-frankfurt-1.known"
VNIC = {"subnetId": "ocid1.subnet.oc1.eu-frankfurt-1.known"}
SOURCE = {"sourceType": "image", "sourceId": IMAGE}
GATEWAY = "ocid1.internetgateway.oc1.eu-frankfurt-1.known"


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


# type, inputs that differ from complete and right ones, where the problem is, words of it
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    # --- names and types, as the SDK's annotations have them
    ("Vcn", {"cidrBlok": "10.0.0.0/16"}, "cidrBlok", "is not an input; valid inputs: "),
    ("Vcn", {"compartmentId": None}, "compartmentId", "is required and missing"),
    ("Vcn", {"cidrBlocks": "10.0.0.0/16"}, "cidrBlocks", "must be an array, not a string"),
    ("Vcn", {"cidrBlocks": ["10.0.0.0/16", 7.0]}, "cidrBlocks[1]", "must be a string, not a number"),
    ("Vcn", {"freeformTags": {"a b": True}}, 'freeformTags["a b"]', "must be a string, not a boolean"),
    ("Vcn", {"displayName": {"name": "x"}}, "displayName", "must be a string, not an object"),
    ("InternetGateway", {"enabled": "true"}, "enabled", "must be a boolean, not a string"),
    ("Volume", {"sizeInGbs": 50.0}, "sizeInGbs", "must be a string, not a number"),
    ("Volume", {"availabilityDomain": None}, "availabilityDomain", "is required and missing"),
    (
        "RouteTable",
        {"routeRules": [{"destination": "0.0.0.0/0"}]},
        "routeRules[0].networkEntityId",
        "required and missing",
    ),
    (RULE, {"tcpOptions": {"min": 22.0}}, "tcpOptions.min", "is not an input"),
    (RULE, {"tcpOptions": {"destinationPortRange": {"min": 22.0}}}, "tcpOptions.destinationPortRange.max", "required"),
    (
        RULE,
        {"tcpOptions": {"destinationPortRange": {"min": 22.5, "max": 23.0}}},
        "tcpOptions.destinationPortRange.min",
        "must be a whole number, not a number",
    ),
    (
        "Instance",
        {"createVnicDetails": {**VNIC, "assignPublicIp": True}},
        "createVnicDetails.assignPublicIp",
        "a string",
    ),
    (
        "Instance",
        {"sourceDetails": {**SOURCE, "bootVolumeSizeInGbs": 50.0}},
        "sourceDetails.bootVolumeSizeInGbs",
        "string",
    ),
    ("Instance", {"shapeConfig": {"ocpus": "2"}}, "shapeConfig.ocpus", "must be a number, not a string"),
    ("Instance", {"metadata": {"user_data": 1.0}}, "metadata.user_data", "must be a string"),
    ("Instance", {"sourceDetails": {"sourceId": IMAGE}}, "sourceDetails.sourceType", "is required and missing"),
    ("ContainerRepository", {"displayName": None}, "displayName", "is required and missing"),
    # --- values
    ("Vcn", {"cidrBlocks": ["10.0.0.1/16"]}, "cidrBlocks[0]", "without host bits"),
    ("Vcn", {"cidrBlocks": ["10.0.0.0/8"]}, "cidrBlocks[0]", "must be a network of /16 to /30"),
    ("Vcn", {"cidrBlocks": ["10.0.0.0/16", "10.0.1.0/24"]}, "cidrBlocks", "must not overlap"),
    ("Vcn", {"cidrBlocks": []}, "cidrBlocks", "must name a network at least"),
    ("Vcn", {"cidrBlock": "10.0.0.0/16"}, "cidrBlocks", "not to be set beside it"),
    ("Vcn", {"dnsLabel": "my-vcn"}, "dnsLabel", "1 to 15 letters and digits"),
    ("Subnet", {"cidrBlock": None, "vcnId": NETWORK}, "cidrBlock", "is required"),
    ("Subnet", {"cidrBlock": "10.0.0.0/31", "vcnId": NETWORK}, "cidrBlock", "/16 to /30"),
    ("Subnet", {"securityListIds": ["a"] * 6, "vcnId": NETWORK}, "securityListIds", "5 security lists at most"),
    (
        "Subnet",
        {"prohibitInternetIngress": True, "prohibitPublicIpOnVnic": False, "vcnId": NETWORK},
        "prohibitInternetIngress",
        "must be the same",
    ),
    ("Subnet", {"availabilityDomain": "AD-1", "vcnId": NETWORK}, "availabilityDomain", f"must be one of: {FIRST}"),
    ("ServiceGateway", {"services": [{"serviceId": "x"}], "vcnId": NETWORK}, "services[0].serviceId", "must be one of"),
    (
        "RouteTable",
        {"routeRules": [{"networkEntityId": GATEWAY}], "vcnId": NETWORK},
        "routeRules[0].destination",
        "is required",
    ),
    (
        "RouteTable",
        {"routeRules": [{"networkEntityId": GATEWAY, "destination": "everywhere"}], "vcnId": NETWORK},
        "routeRules[0].destination",
        "must be an IPv4 network",
    ),
    (RULE, {"direction": "INBOUND"}, "direction", "must be one of: INGRESS, EGRESS"),
    (RULE, {"source": None}, "source", "is required and missing"),
    (RULE, {"source": "203.0.113.7"}, "source", "must be an IPv4 network"),
    (RULE, {"destination": "0.0.0.0/0"}, "destination", "cannot be set for direction INGRESS"),
    (RULE, {"protocol": "tcp"}, "protocol", "must be one of: all, 6, 17, 1"),
    (RULE, {"protocol": "17"}, "tcpOptions", 'only for "6"'),
    (RULE, {"tcpOptions": {"destinationPortRange": {"min": 30.0, "max": 20.0}}}, "tcpOptions", "min not above max"),
    (
        RULE,
        {"tcpOptions": {"destinationPortRange": {"min": 0.0, "max": 20.0}}},
        "tcpOptions.destinationPortRange.min",
        "between 1 and 65535",
    ),
    ("Volume", {"sizeInGbs": "49"}, "sizeInGbs", "between 50 and 32768"),
    ("Volume", {"sizeInGbs": "fifty"}, "sizeInGbs", "must be a whole number"),
    ("Volume", {"sizeInGbs": None}, "sizeInGbs", "is required"),
    ("Volume", {"availabilityDomain": "AD-1"}, "availabilityDomain", "must be one of"),
    ("Volume", {"vpusPerGb": "11"}, "vpusPerGb", "must be one of"),
    ("VolumeAttachment", {"attachmentType": "iscsi"}, "attachmentType", "must be one of: paravirtualized"),
    ("VolumeAttachment", {"device": "/dev/sdb"}, "device", "must be one of: /dev/oracleoci/oraclevdb"),
    ("Instance", {"shape": "VM.Standard.A9.Flex"}, "shape", "must be one of: VM.Standard.A1.Flex"),
    ("Instance", {"shape": None}, "shape", "is required"),
    ("Instance", {"shapeConfig": None}, "shapeConfig.ocpus", "Cannot launch flexible instance without ShapeConfig"),
    ("Instance", {"shapeConfig": {"ocpus": 0.0}}, "shapeConfig.ocpus", "between 1 and 76"),
    ("Instance", {"shapeConfig": {"ocpus": 77.0}}, "shapeConfig.ocpus", "between 1 and 76"),
    ("Instance", {"shapeConfig": {"ocpus": 1.5}}, "shapeConfig.ocpus", "must be a whole number"),
    ("Instance", {"shapeConfig": {"ocpus": 4.0, "memoryInGbs": 3.0}}, "shapeConfig.memoryInGbs", "between 4 and 256"),
    (
        "Instance",
        {"shapeConfig": {"ocpus": 76.0, "memoryInGbs": 513.0}},
        "shapeConfig.memoryInGbs",
        "between 76 and 512",
    ),
    ("Instance", {"shapeConfig": {"ocpus": 1.0, "memoryInGbs": 65.0}}, "shapeConfig.memoryInGbs", "between 1 and 64"),
    ("Instance", {"metadata": {"user_data": "#cloud-config"}}, "metadata.user_data", "must be base64"),
    ("Instance", {"metadata": {"note": "x" * 32_000}}, "metadata", "must be 32000 bytes at most"),
    ("Instance", {"sourceDetails": {**SOURCE, "bootVolumeSizeInGbs": "40"}}, "sourceDetails.bootVolumeSizeInGbs", "50"),
    (
        "Instance",
        {"sourceDetails": {**SOURCE, "sourceType": "iso"}},
        "sourceDetails.sourceType",
        "must be one of: image",
    ),
    (
        "Instance",
        {"createVnicDetails": {**VNIC, "assignPublicIp": "yes"}},
        "createVnicDetails.assignPublicIp",
        "true, false",
    ),
    (
        "Instance",
        {"createVnicDetails": {**VNIC, "hostnameLabel": "a b"}},
        "createVnicDetails.hostnameLabel",
        "a host name",
    ),
    (
        "Instance",
        {"createVnicDetails": {**VNIC, "nsgIds": ["a"] * 6}},
        "createVnicDetails.nsgIds",
        "5 network security",
    ),
    ("Instance", {"createVnicDetails": {}}, "createVnicDetails.subnetId", "is required"),
    ("Instance", {"createVnicDetails": None}, "createVnicDetails", "is required"),
    ("ContainerRepository", {"displayName": "Team/App"}, "displayName", "must be lower-case"),
    ("ContainerRepository", {"readme": {"content": "x", "format": "rst"}}, "readme.format", "must be one of"),
    # --- what the cloud does and the emulator does not
    ("Vcn", {"isIpv6enabled": True}, "isIpv6enabled", "is not supported by the sandbox's Oracle Cloud"),
    ("InternetGateway", {"routeTableId": "x"}, "routeTableId", "is not supported"),
    (RULE, {"stateless": True}, "stateless", "stateless rules are not supported"),
    (
        RULE,
        {"tcpOptions": {"sourcePortRange": {"min": 1.0, "max": 2.0}}},
        "tcpOptions.sourcePortRange",
        "is not supported",
    ),
    (
        RULE,
        {"protocol": "1", "tcpOptions": None, "icmpOptions": {"type": 8.0}},
        "icmpOptions.type",
        "leave icmpOptions out",
    ),
    (
        "SecurityList",
        {"ingressSecurityRules": [{"protocol": "6", "source": "0.0.0.0/0", "stateless": True}]},
        "",
        "stateless",
    ),
    ("Volume", {"kmsKeyId": "x"}, "kmsKeyId", "is not supported"),
    ("Instance", {"ipxeScript": "x"}, "ipxeScript", "is not supported"),
    ("Instance", {"createVnicDetails": {**VNIC, "vlanId": "x"}}, "createVnicDetails.vlanId", "is not supported"),
    ("ContainerRepository", {"isImmutable": True}, "isImmutable", "immutable repositories are not supported"),
]


@pytest.mark.parametrize(("type_name", "changes", "place", "words"), WRONG)
def test_wrong_inputs_fail_with_their_place(
    tenancy: Tenancy, type_name: str, changes: dict[str, Any], place: str, words: str
) -> None:
    known: dict[str, dict[str, Any]] = {
        "Instance": {"createVnicDetails": VNIC},
        "VolumeAttachment": {"instanceId": "i", "volumeId": "v"},
    }
    known[RULE] = {"networkSecurityGroupId": "n"}
    vcn = {"vcnId": NETWORK} if "vcnId" in TYPES[type_name].fields else {}
    _, problems = TYPES[type_name].checked(tenancy.inputs(type_name, **{**vcn, **known.get(type_name, {}), **changes}))
    assert len(problems) == 1, problems
    assert problems[0].path == place or not place
    assert words in problems[0].reason


def test_a_problem_does_not_show_the_value(tenancy: Tenancy) -> None:
    inputs = tenancy.inputs("Instance", createVnicDetails=VNIC, metadata={"user_data": "not base64: secret"})
    _, problems = TYPES["Instance"].checked(inputs)
    assert "secret" not in f"{problems[0].path} {problems[0].reason}"


def test_defaults_are_those_of_the_terraform_schema(tenancy: Tenancy) -> None:
    given, _ = TYPES["Instance"].checked(tenancy.inputs("Instance", createVnicDetails=VNIC))
    assert given["createVnicDetails"]["assignPublicIp"] == "true"
    assert TYPES["InternetGateway"].checked(tenancy.inputs("InternetGateway", vcnId=NETWORK))[0]["enabled"] is True


@pytest.mark.parametrize("type_name", TYPES)
def test_unknown_values_pass_in_every_place(tenancy: Tenancy, type_name: str) -> None:
    resource = TYPES[type_name]
    names = [name for name in resource.fields if resource.inputs.knows(name) and name != "cidrBlock"]
    inputs: dict[str, Any] = dict.fromkeys(names, UNKNOWN)
    if type_name == "Subnet":
        inputs["cidrBlock"] = UNKNOWN
    assert resource.checked(inputs)[1] == []
    assert set(resource.preview(inputs)) >= set(inputs)


# type, change, place of the difference, whether it replaces
CHANGES: list[tuple[str, dict[str, Any], str, bool]] = [
    ("Vcn", {"displayName": "other"}, "displayName", False),
    ("Vcn", {"cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}, "cidrBlocks", False),
    ("Vcn", {"dnsLabel": "other"}, "dnsLabel", True),
    ("Vcn", {"freeformTags": {"team": "x"}}, "freeformTags.team", False),
    ("Subnet", {"cidrBlock": "10.0.0.0/25"}, "cidrBlock", False),
    ("Subnet", {"vcnId": "ocid1.vcn.other"}, "vcnId", True),
    ("Subnet", {"prohibitPublicIpOnVnic": True}, "prohibitPublicIpOnVnic", True),
    ("InternetGateway", {"enabled": False}, "enabled", False),
    (RULE, {"source": "198.51.100.0/24"}, "source", False),
    (RULE, {"networkSecurityGroupId": "other"}, "networkSecurityGroupId", True),
    ("Volume", {"sizeInGbs": "60"}, "sizeInGbs", False),
    ("Volume", {"availabilityDomain": SECOND}, "availabilityDomain", True),
    ("VolumeAttachment", {"device": "/dev/oracleoci/oraclevdc"}, "device", True),
    ("ContainerRepository", {"displayName": "team/other"}, "displayName", True),
    ("ContainerRepository", {"isPublic": True}, "isPublic", False),
    ("Instance", {"displayName": "other"}, "displayName", False),
    ("Instance", {"shapeConfig": {"ocpus": 3, "memoryInGbs": 12}}, "shapeConfig.ocpus", False),
    ("Instance", {"availabilityDomain": SECOND}, "availabilityDomain", True),
    (
        "Instance",
        {"metadata": {"ssh_authorized_keys": "other", "user_data": "I2Nsb3VkLWNvbmZpZwo="}},
        "metadata.ssh_authorized_keys",
        True,
    ),
    ("Instance", {"metadata": {"ssh_authorized_keys": "ssh-ed25519 AAAA me"}}, "metadata.user_data", True),
]


@pytest.mark.parametrize(("type_name", "changes", "place", "replaces"), CHANGES)
def test_what_a_change_does(
    tenancy: Tenancy, type_name: str, changes: dict[str, Any], place: str, replaces: bool
) -> None:
    resource = TYPES[type_name]
    before = tenancy.inputs(type_name)
    state = tenancy.make(type_name, **before).properties
    assert resource.changes(state, resource.checked(before)[0]) == []
    found = resource.changes(state, resource.checked({**before, **changes})[0])
    assert [change.place for change in found if change.place != META] == [place]
    assert any(change.replaces for change in found) == replaces


@pytest.mark.parametrize(
    ("member", "value", "replaces"),
    [
        ("subnetId", "ocid1.subnet.other", True),
        ("privateIp", "10.0.0.9", True),
        ("nsgIds", ["ocid1.networksecuritygroup.other"], False),
        ("assignPublicIp", "false", False),
        ("displayName", "other", False),
        ("hostnameLabel", "other", False),
    ],
)
def test_what_a_change_of_the_vnic_does(tenancy: Tenancy, member: str, value: Any, replaces: bool) -> None:
    state = tenancy.make("Instance").properties
    vnic = {"subnetId": state["subnetId"], "assignPublicIp": "true", member: value}
    changes = TYPES["Instance"].changes(state, {**tenancy.inputs("Instance", createVnicDetails=vnic)})
    assert [(change.place, change.replaces) for change in changes] == [(f"createVnicDetails.{member}", replaces)]


def test_an_unknown_value_is_a_change(tenancy: Tenancy) -> None:
    before = tenancy.inputs("Subnet")
    state = tenancy.make("Subnet", **before).properties
    changes = TYPES["Subnet"].changes(state, {**before, "vcnId": UNKNOWN})
    assert [(change.place, change.replaces) for change in changes] == [("vcnId", True)]


def test_what_is_left_out_keeps_the_clouds_value_where_terraform_calls_it_computed(tenancy: Tenancy) -> None:
    before = tenancy.inputs("Vcn", displayName="mine")
    record = tenancy.make("Vcn", **before)
    without = tenancy.inputs("Vcn")
    assert TYPES["Vcn"].changes(record.properties, without) == []
    assert tenancy.update("Vcn", record, **without).properties["displayName"] == "mine"


def test_a_tag_taken_out_is_gone(tenancy: Tenancy) -> None:
    record = tenancy.make("Vcn", freeformTags={"a": "1", "b": "2"})
    assert tenancy.update("Vcn", record, freeformTags={"a": "1"}).properties["freeformTags"] == {"a": "1"}


def test_rules_left_out_are_taken_away(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    rules = [{"protocol": "6", "source": "0.0.0.0/0"}]
    record = tenancy.make("SecurityList", vcnId=vcn, ingressSecurityRules=rules)
    changes = TYPES["SecurityList"].changes(record.properties, tenancy.inputs("SecurityList", vcnId=vcn))
    assert [change.place for change in changes] == ["ingressSecurityRules"]
    assert tenancy.update("SecurityList", record, vcnId=vcn).properties["ingressSecurityRules"] == []


def test_the_order_of_a_set_is_no_change_and_its_content_is(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").id
    rules = [
        {"protocol": "6", "source": "0.0.0.0/0"},
        {"protocol": "17", "source": "10.0.0.0/16", "description": "dns"},
    ]
    state = tenancy.make("SecurityList", vcnId=vcn, ingressSecurityRules=rules).properties
    inputs = tenancy.inputs("SecurityList", vcnId=vcn)
    resource = TYPES["SecurityList"]
    assert resource.changes(state, resource.checked({**inputs, "ingressSecurityRules": rules[::-1]})[0]) == []
    other = [rules[0], {**rules[1], "description": "names"}]
    assert [c.place for c in resource.changes(state, {**inputs, "ingressSecurityRules": other})] == [
        "ingressSecurityRules"
    ]


def test_case_does_not_matter_where_terraform_ignores_it(tenancy: Tenancy) -> None:
    before = tenancy.inputs("Volume")
    state = tenancy.make("Volume", **before).properties
    assert TYPES["Volume"].changes(state, {**before, "availabilityDomain": FIRST.lower()}) == []


def test_a_refresh_gives_the_inputs_back_as_they_were_and_shows_drift(tenancy: Tenancy) -> None:
    inputs = tenancy.inputs("Instance", freeformTags={"a": "1"})
    state = tenancy.make("Instance", **inputs).properties
    assert TYPES["Instance"].given(state, inputs) == inputs
    drifted = {**state, "displayName": "by hand", "freeformTags": {}}
    assert TYPES["Instance"].given(drifted, inputs) == {**inputs, "freeformTags": {}}


def test_a_preview_knows_what_is_given_and_nothing_that_is_computed(tenancy: Tenancy) -> None:
    inputs = tenancy.inputs("Instance", createVnicDetails=VNIC)
    shown = TYPES["Instance"].preview(inputs)
    assert {shown[name] for name in ("displayName", "publicIp", "bootVolumeId", "state")} == {UNKNOWN}
    assert shown["createVnicDetails"]["privateIp"] is UNKNOWN
    assert shown["createVnicDetails"]["subnetId"] == VNIC["subnetId"]
    assert shown["metadata"] == inputs["metadata"]
