"""The real engine on the emulated Oracle Cloud: networks, repositories and look-ups, which need no machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.oci_project import Project, new_project

NETWORK = """
    vcn = oci.core.Vcn("vcn", compartment_id=TENANCY, cidr_blocks=["10.0.0.0/16"], dns_label="vcn")
    gateway = oci.core.InternetGateway("gateway", compartment_id=TENANCY, vcn_id=vcn.id)
    rule = oci.core.RouteTableRouteRuleArgs(network_entity_id=gateway.id, destination="0.0.0.0/0")
    table = oci.core.RouteTable("table", compartment_id=TENANCY, vcn_id=vcn.id, route_rules=[rule])
    oci.core.DefaultSecurityList("list", manage_default_resource_id=vcn.default_security_list_id)
    subnet = oci.core.Subnet(
        "subnet", compartment_id=TENANCY, vcn_id=vcn.id, cidr_block="10.0.0.0/24", route_table_id=table.id
    )
    group = oci.core.NetworkSecurityGroup("group", compartment_id=TENANCY, vcn_id=vcn.id)
    oci.core.NetworkSecurityGroupSecurityRule(
        "ssh",
        network_security_group_id=group.id,
        direction="INGRESS",
        protocol="6",
        source="203.0.113.0/24",
        tcp_options={"destination_port_range": {"min": 22, "max": 22}},
    )
    oci.artifacts.ContainerRepository("repository", compartment_id=TENANCY, display_name="team/app")
    pulumi.export("domain", oci.identity.get_availability_domains(compartment_id=TENANCY).availability_domains[0].name)
    pulumi.export("namespace", oci.objectstorage.get_namespace_output().namespace)
    pulumi.export("user", oci.identity.get_user(user_id="ocid1.user.oc1..sandbox").name)
    pulumi.export("vcn", oci.core.get_subnet_output(subnet_id=subnet.id).vcn_id)
"""
EVERYTHING = {"vcn", "gateway", "table", "list", "subnet", "group", "ssh", "repository"}
VCN = """
    vcn = oci.core.Vcn("vcn", compartment_id=TENANCY, cidr_blocks=["10.0.0.0/16"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return new_project(tmp_path)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project for plans only."""
    return new_project(tmp_path_factory.mktemp("plans"))


def test_network_from_plan_to_destroy(project: Project) -> None:
    project.write(NETWORK)
    assert project.planned() == dict.fromkeys(EVERYTHING, "create")
    assert not project.cloud.exists()

    project.up()
    state = project.state()
    assert state["vcn"]["id"].startswith("ocid1.vcn.oc1.eu-frankfurt-1.")
    assert state["list"]["id"] == state["vcn"]["outputs"]["defaultSecurityListId"]
    outputs = state["cloud-test"]["outputs"]
    assert outputs == {
        "domain": "Sndb:EU-FRANKFURT-1-AD-1",
        "namespace": "sandbox",
        "user": "person@example.com",
        "vcn": state["vcn"]["id"],
    }
    project.pulumi("preview", "--expect-no-changes")
    project.pulumi("refresh", "--yes", "--expect-no-changes")
    project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")

    project.pulumi("destroy", "--yes", "--skip-preview")
    assert list(project.cloud.rglob("*.json")) == []


def test_refresh_and_up_restore_manual_changes(project: Project) -> None:
    project.write(NETWORK)
    project.up()
    [rule] = project.records("securityrule")
    rule.write_text(rule.read_text().replace("203.0.113.0/24", "0.0.0.0/0"))
    [subnet] = project.records("subnet")
    subnet.unlink()
    drift = project.pulumi("refresh", "--preview-only", "--diff", "--expect-no-changes", check=False)
    assert '~ source: "203.0.113.0/24" => "0.0.0.0/0"' in drift
    assert "- oci:Core/subnet:Subnet: (delete)" in drift
    project.pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert json.loads(rule.read_text())["properties"]["source"] == "203.0.113.0/24"
    assert len(project.records("subnet")) == 1


def test_change_updates_or_replaces(project: Project) -> None:
    project.write(NETWORK)
    project.up()
    project.write(NETWORK.replace('"203.0.113.0/24"', '"198.51.100.0/24"'))
    assert project.planned() == {"ssh": "update"}
    project.write(NETWORK.replace('"team/app"', '"team/other"'))
    assert set(project.planned().items()) >= {("repository", "replace")}
    project.up()
    assert [json.loads(file.read_text())["properties"]["displayName"] for file in project.records("containerrepo")] == [
        "team/other"
    ]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            'oci.core.Vcn("v", compartment_id=TENANCY, cidr_blocks="10.0.0.0/16")',
            "cidrBlocks must be an array, not a string",
        ),
        (
            'oci.core.Vcn("v", compartment_id=TENANCY, cidr_blocks=["10.0.0.0/33"])',
            "cidrBlocks[0] must be an IPv4 network",
        ),
        ('oci.core.Vcn("v", compartment_id=TENANCY)', "cidrBlocks is required"),
        (
            'oci.core.Vcn("v", compartment_id=TENANCY, cidr_blocks=["10.0.0.0/16"], is_ipv6enabled=True)',
            "isIpv6enabled is not supported by the sandbox's Oracle Cloud",
        ),
        (
            'oci.core.Volume("v", compartment_id=TENANCY, availability_domain="Sndb:EU-FRANKFURT-1-AD-1", size_in_gbs=50)',
            "sizeInGbs must be a string, not a number",
        ),
        ('oci.core.Drg("v", compartment_id=TENANCY)', "oci:Core/drg:Drg (not supported by the sandbox's Oracle Cloud"),
        ("oci.core.get_shapes(compartment_id=TENANCY)", "oci:Core/getShapes:getShapes (not supported"),
        (
            'oci.core.get_subnet(subnet_id="ocid1.subnet.oc1..none")',
            "404-NotAuthorizedOrNotFound, Authorization failed",
        ),
        (
            'pulumi.CustomResource("oci:Core/vcn:Vcn", "v", {"compartmentId": TENANCY, "cidrBlok": "x"},'
            ' pulumi.ResourceOptions(version="5.5.0"))',
            "cidrBlok is not an input; valid inputs: ",
        ),
    ],
)
def test_wrong_inputs_fail_the_plan(plans: Project, program: str, words: str) -> None:
    plans.write(program)
    printed = plans.pulumi("preview", check=False)
    assert words in printed
    assert not plans.cloud.exists()


def test_error_about_a_secret_input_does_not_print_it(plans: Project) -> None:
    plans.write('oci.core.Vcn("v", compartment_id=TENANCY, cidr_blocks=[pulumi.Output.secret("hidden-value")])')
    printed = plans.pulumi("preview", check=False)
    assert "cidrBlocks[0] must be an IPv4 network" in printed
    assert "hidden-value" not in printed


def test_a_secret_input_is_a_secret_output(project: Project) -> None:
    project.write(VCN.replace('["10.0.0.0/16"]', '["10.0.0.0/16"], display_name=pulumi.Output.secret("hidden-value")'))
    project.up()
    assert "ciphertext" in project.state()["vcn"]["outputs"]["displayName"]


def test_cloud_error_is_printed_without_a_stack_trace(project: Project) -> None:
    project.write(VCN)
    project.up()
    subnet = """
    oci.core.Subnet("subnet", compartment_id=TENANCY, vcn_id=vcn.id, cidr_block="192.168.0.0/24")
    """
    project.write(VCN + subnet)
    printed = project.up(check=False)
    assert "error: 400-InvalidParameter, The requested CIDR 192.168.0.0/24 is invalid" in printed
    assert "Traceback" not in printed
    assert 'File "' not in printed


def test_resource_in_use_is_not_deleted(project: Project) -> None:
    project.write(NETWORK)
    project.up()
    state = project.state()
    project.pulumi("state", "delete", state["subnet"]["urn"], "--yes", "--target-dependents")
    printed = project.pulumi("destroy", "--yes", "--skip-preview", check=False)
    assert "409-Conflict, The RouteTable" in printed or "409-Conflict, The VCN" in printed


def test_another_account_is_refused(project: Project) -> None:
    project.write(VCN)
    project.pulumi("config", "set", "oci:tenancyOcid", "ocid1.tenancy.oc1..real")
    assert "401-NotAuthenticated" in project.pulumi("preview", check=False)
