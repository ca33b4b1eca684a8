"""The records of the emulated Oracle Cloud: order, ownership, drift, several engines at once."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sandbox.oci.errors import ServiceError
from tests.support.at_once import at_once
from tests.unit.oci_cloud import FIRST, RULE, TYPES, Tenancy


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


def instance(tenancy: Tenancy, subnet: str, **vnic: Any) -> Any:
    return tenancy.make("Instance", createVnicDetails={"subnetId": subnet, **vnic})


def test_nothing_is_in_the_way_of_deleting_in_order(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn")
    made = [vcn]
    made.append(tenancy.make("InternetGateway", vcnId=vcn.id))
    rules = [{"networkEntityId": made[-1].id, "destination": "0.0.0.0/0"}]
    made.append(tenancy.make("RouteTable", vcnId=vcn.id, routeRules=rules))
    made.append(tenancy.make("Subnet", vcnId=vcn.id, routeTableId=made[-1].id))
    made.append(tenancy.make("NetworkSecurityGroup", vcnId=vcn.id))
    tenancy.make(RULE, networkSecurityGroupId=made[-1].id)
    made.append(instance(tenancy, made[-2].id, nsgIds=[made[-1].id]))
    made.append(tenancy.make("Volume"))
    made.append(tenancy.make("VolumeAttachment", instanceId=made[-2].id, volumeId=made[-1].id))
    for record in reversed(made):
        tenancy.delete(record)
        tenancy.delete(record)
    assert tenancy.cloud.everything() == []


def test_a_groups_rules_and_a_vcns_defaults_go_with_it(tenancy: Tenancy) -> None:
    rule = tenancy.make(RULE)
    group = tenancy.cloud.require(rule.owner, "networksecuritygroup")
    tenancy.delete(group)
    assert tenancy.read(rule) is None
    tenancy.delete(tenancy.cloud.require(group.properties["vcnId"], "vcn"))
    assert tenancy.cloud.everything() == []


def test_a_default_list_is_emptied_and_not_deleted(tenancy: Tenancy) -> None:
    vcn = tenancy.make("Vcn").properties
    listed = tenancy.cloud.require(vcn["defaultSecurityListId"], "securitylist")
    assert [rule["tcpOptions"] for rule in listed.properties["ingressSecurityRules"] if "tcpOptions" in rule] == [
        {"min": 22, "max": 22}
    ]
    egress = [{"destination": "0.0.0.0/0", "protocol": "all"}]
    taken = tenancy.make("DefaultSecurityList", manageDefaultResourceId=listed.id, egressSecurityRules=egress)
    assert taken.id == listed.id
    assert taken.properties["ingressSecurityRules"] == []
    TYPES["DefaultSecurityList"].delete(tenancy.cloud, taken.id)
    left = tenancy.read(taken)
    assert left is not None
    assert left.properties["egressSecurityRules"] == []


def test_deleting_a_repository_deletes_its_images(tenancy: Tenancy) -> None:
    tenancy.delete(tenancy.make("ContainerRepository"))
    assert tenancy.host.registry.deleted == [("sandbox", "team/app")]


def test_the_clouds_files_are_for_their_owner_only(tenancy: Tenancy) -> None:
    tenancy.make("Instance")
    files = list((tenancy.cloud.root / "resources").rglob("*.json"))
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_what_is_changed_or_deleted_by_hand_is_seen(tenancy: Tenancy) -> None:
    record = tenancy.make("Vcn")
    file = tenancy.cloud.root / "resources" / "vcn" / f"{record.id}.json"
    content = json.loads(file.read_text())
    content["properties"]["displayName"] = "by hand"
    file.write_text(json.dumps(content))
    seen = tenancy.read(record)
    assert seen is not None
    assert seen.properties["displayName"] == "by hand"
    file.unlink()
    assert tenancy.read(record) is None


def _make_repositories(root: Path, engine: int) -> None:
    """Make 20 repositories of the same names as every other engine, or of another name where one was first."""
    tenancy = Tenancy(root)
    for number in range(20):
        try:
            tenancy.make("ContainerRepository", displayName=f"app-{number}")
        except ServiceError:
            tenancy.make("ContainerRepository", displayName=f"app-{number}-of-{engine}")


def test_several_engines_at_once_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    at_once(_make_repositories, [(tmp_path, number) for number in range(3)])
    names = [record.properties["displayName"] for record in Tenancy(tmp_path).cloud.all("containerrepo")]
    assert len(names) == len(set(names)) == 60


def _make_a_vcn_and_be_killed_while_writing(root: Path) -> None:
    Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, method-assign]
    Tenancy(root).make("Vcn")


def test_an_engine_that_is_killed_while_it_writes_leaves_nothing_among_the_resources(tmp_path: Path) -> None:
    killed = multiprocessing.get_context("spawn").Process(
        target=_make_a_vcn_and_be_killed_while_writing, args=(tmp_path,)
    )
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    tenancy = Tenancy(tmp_path)
    assert [file for file in (tenancy.cloud.root / "resources").rglob("*") if file.is_file()] == []
    assert tenancy.make("Vcn") in tenancy.cloud.everything()


def test_a_resource_is_claimed_by_who_waited_for_another_to_be_done(
    tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, holds, over = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        with tenancy.cloud.claim("one"):
            holds.set()
            over.wait(60)

    def flock(descriptor: int, kind: int, original: Any = fcntl.flock) -> None:
        waits.set()
        original(descriptor, kind)

    thread = threading.Thread(target=second)
    with tenancy.cloud.claim("one"):
        monkeypatch.setattr(fcntl, "flock", flock)
        thread.start()
        assert waits.wait(60)
    assert holds.wait(60)
    assert tenancy.cloud.claimed("one")
    over.set()
    thread.join(60)
    assert not tenancy.cloud.claimed("one")


def test_instances_get_addresses_of_their_subnet(tenancy: Tenancy) -> None:
    subnet = tenancy.make("Subnet", cidrBlock="10.0.0.0/29").id
    addresses = [instance(tenancy, subnet).properties["privateIp"] for _ in range(5)]
    assert addresses == [f"10.0.0.{number}" for number in (2, 3, 4, 5, 6)]
    with pytest.raises(ServiceError, match="400-LimitExceeded"):
        instance(tenancy, subnet)


def test_an_availability_domain_is_known_by_its_full_name() -> None:
    assert FIRST == "Sndb:EU-FRANKFURT-1-AD-1"


def test_a_preview_does_not_pay_for_importing_the_sdk() -> None:
    program = "import sys, sandbox.oci.server; print([name for name in sys.modules if name.startswith('pulumi_oci')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
