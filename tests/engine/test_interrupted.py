"""The real engine, killed during a create, an update and a delete of each kind of resource that needs no machine.

Each kill happens twice: before the cloud has done the step, and after it but before the engine has the answer.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.engine.interrupted_project import KilledProject, new_killed_project

PROGRAM = """
    class Part(pulumi.ComponentResource):
        def __init__(self):
            super().__init__("test:part:Part", "part")

    part = Part()
    child = pulumi.ResourceOptions(parent=part)
    where = {"compartment_id": TENANCY, "opts": child}
    vcn = oci.core.Vcn("vcn", cidr_blocks=["10.0.0.0/16"], display_name="t-vcn", **where)
    inside = {"vcn_id": vcn.id, **where}
    gateway = oci.core.InternetGateway("gateway", display_name="t-gateway", **inside)
    nat = oci.core.NatGateway("nat", display_name="t-nat", **inside)
    every = oci.core.get_services().services[0]
    services = oci.core.ServiceGateway(
        "services",
        services=[oci.core.ServiceGatewayServiceArgs(service_id=every.id)],
        display_name="t-services",
        **inside,
    )
    rule = oci.core.RouteTableRouteRuleArgs(network_entity_id=gateway.id, destination="0.0.0.0/0")
    table = oci.core.RouteTable("table", route_rules=[rule], display_name="t-table", **inside)
    oci.core.DefaultSecurityList(
        "list", manage_default_resource_id=vcn.default_security_list_id, display_name="t-list", **where
    )
    subnet = oci.core.Subnet("subnet", cidr_block="10.0.0.0/24", route_table_id=table.id, display_name="t-subnet", **inside)
    group = oci.core.NetworkSecurityGroup("group", display_name="t-group", **inside)
    oci.core.NetworkSecurityGroupSecurityRule(
        "ssh",
        network_security_group_id=group.id,
        direction="INGRESS",
        protocol="6",
        source="203.0.113.0/24",
        description="t-ssh",
        opts=child,
    )
    oci.artifacts.ContainerRepository("repository", display_name="t-repository", freeform_tags={"set": "once"}, **where)
    oci.core.Volume(
        "volume",
        availability_domain="Sndb:EU-FRANKFURT-1-AD-1",
        size_in_gbs="50",
        display_name="t-volume",
        compartment_id=TENANCY,
        opts=child,
    )
"""
# Resources created at the same time.
CREATED = (
    ("vcn", "volume", "repository"),
    ("gateway", "nat", "services", "group", "list"),
    ("table", "ssh"),
    ("subnet",),
)
EVERYTHING = tuple(name for layer in CREATED for name in layer)
# A repeated create gives the same resource, so there is no question.
REPEATABLE = {"list"}


def program(*changes: tuple[str, str]) -> str:
    text = PROGRAM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture
def project(tmp_path: Path) -> KilledProject:
    project = new_killed_project(tmp_path)
    project.write(program())
    return project


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_create_is_adopted_or_repeated(project: KilledProject, when: str) -> None:
    for layer in CREATED:
        project.killed("up", "create", when, *layer)
        project.unlock()
        question = project.interrupted(status=1)
        uncertain = set(layer) - REPEATABLE
        assert {name for name in EVERYTHING if f"{name}=?" in question} == uncertain
        answers = {name: project.id_of(f"t-{name}") for name in uncertain}
        assert {answer == "none" for answer in answers.values()} == {when == "before"}
        project.answered(question, answers)
        assert project.interrupted() == ""
    project.converges()
    assert len(project.in_state()) == len(EVERYTHING)


def test_killed_update_is_repeated(project: KilledProject) -> None:
    project.up()
    changed = [(f't-{name}"', f'u-{name}"') for name in EVERYTHING if name != "repository"]
    project.write(program(*changed, ('"set": "once"', '"set": "twice"')))
    before = project.in_cloud()
    for layer in CREATED:
        project.killed("up", "update", "after", *layer)
        project.unlock()
        printed = project.interrupted()
        assert {name for name in EVERYTHING if f"{name}: interrupted while updating" in printed} == set(layer)
    project.converges()
    assert project.in_cloud().keys() == before.keys()
    assert {f"u-{name}" for name in EVERYTHING if name != "repository"} <= set(project.in_cloud().values())


def test_killed_update_is_undone_by_the_printed_refresh(project: KilledProject) -> None:
    project.up()
    project.write(program(("t-vcn", "u-vcn")))
    project.killed("up", "update", "after", "vcn")
    project.unlock()
    printed = project.interrupted()
    command = printed.partition("changed back since: `")[2].partition("`")[0]
    project.write(program())
    project.run([*command.split(), "--yes", "--skip-preview"], 0)
    assert "t-vcn" in project.in_cloud().values()
    project.converges()


def test_killed_destroy_continues(project: KilledProject) -> None:
    project.up()
    remaining = set(EVERYTHING)
    while remaining:
        stuck = project.killed("destroy", "delete", "after", *remaining, some=True)
        project.pulumi("cancel", "--yes")
        printed = project.interrupted()
        assert {name for name in EVERYTHING if f"{name}: interrupted while deleting" in printed} == stuck
        remaining -= stuck
    project.pulumi("destroy", "--yes", "--skip-preview")
    assert project.in_cloud() == {}
    assert project.in_state() == set()


def test_resource_created_twice_is_reported_with_the_one_to_keep(project: KilledProject) -> None:
    project.killed("up", "create", "after", "vcn")
    first = project.id_of("t-vcn")
    project.unlock()
    project.up()
    second = project.state()["vcn"]["id"]
    assert f"{second} is in the state and stays" in project.interrupted(status=1)
    assert f"vcn: {second} is in the state, as vcn" in project.interrupted(f"vcn={second}", status=1)
    refused = project.interrupted(f"vcn={first}", status=1)
    assert f"Check that {first} holds nothing, delete it" in refused
    project.delete_by_hand(first)
    project.interrupted("vcn=none")
    project.converges()


def test_wrong_id_is_reported_with_the_import_command(project: KilledProject) -> None:
    project.killed("up", "create", "after", "vcn")
    project.unlock()
    right = project.id_of("t-vcn")
    printed = project.interrupted(f"vcn={right[:-1]}", status=1)
    assert "the cloud has no" in printed, printed
    [command] = [line.strip() for line in printed.splitlines() if " import " in line]
    project.run([*shlex.split(command.replace(" ? ", f" {right} ")), "--yes", "--skip-preview"], 0)
    assert project.interrupted() == ""
    project.converges()
    assert project.id_of("t-vcn") == right


def test_killed_replacement_keeps_the_old_volume(project: KilledProject) -> None:
    project.up()
    old = project.state()["volume"]["id"]
    moved = ('availability_domain="Sndb:EU-FRANKFURT-1-AD-1"', 'availability_domain="Sndb:EU-FRANKFURT-1-AD-2"')
    project.write(program(moved))
    project.killed("up", "create", "after", "volume")
    project.unlock()
    question = project.interrupted(status=1)
    assert f"{old} is in the state and stays" in question
    made = project.id_of("t-volume", old)
    assert f"Check that {made} holds nothing, delete it" in project.interrupted(f"volume={made}", status=1)
    project.delete_by_hand(made)
    project.interrupted("volume=none")
    # With the old configuration the old volume is still there.
    project.write(program())
    project.converges()
    assert project.state()["volume"]["id"] == old


def test_killed_replacement_that_deletes_first_is_adopted(project: KilledProject) -> None:
    first = (
        'display_name="t-subnet", **inside',
        'display_name="t-subnet", vcn_id=vcn.id, compartment_id=TENANCY, opts=first',
    )
    options = (
        "    part = Part()\n",
        "    part = Part()\n    first = pulumi.ResourceOptions(parent=part, delete_before_replace=True)\n",
    )
    project.write(program(first, options))
    project.up()
    project.write(
        program(
            first, options, ('cidr_block="10.0.0.0/24"', 'cidr_block="10.0.0.0/24", prohibit_internet_ingress=True')
        )
    )
    project.killed("up", "create", "after", "subnet")
    project.unlock()
    made = project.id_of("t-subnet")
    project.answered(project.interrupted(status=1), {"subnet": made})
    project.converges()
    assert project.state()["subnet"]["id"] == made


def test_unreadable_state_is_reported_with_the_command_that_fixes_it(project: KilledProject) -> None:
    project.killed("up", "create", "after", "vcn")
    # A kill between the creation of the file and the first write leaves this.
    beside = project.folder / "backend" / ".pulumi" / "stacks" / "cloud" / "test.json.attrs"
    assert beside.stat().st_size > 0
    beside.write_bytes(b"")
    assert "error: failed to load checkpoint: EOF" in project.pulumi("cancel", "--yes", check=False)
    printed = project.interrupted(status=1)
    [command] = [line.strip() for line in printed.splitlines() if line.strip().startswith("find ")]
    project.run(shlex.split(command), 0)
    project.unlock()
    project.answered(project.interrupted(status=1), {"vcn": project.id_of("t-vcn")})
    project.converges()
