"""The policy pack with the real engine: what it stops and what it accepts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from policy import data, pack
from sandbox import paths
from tests.engine.oci_project import new_project
from tests.engine.violating_project import ROOT_RESOURCE, VIOLATIONS, Project, differing
from tests.support.stack import PULUMI, ROOT, Stack

PACK = ROOT / "policy" / "run"
COMMITTED = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))


@pytest.fixture(scope="module")
def project(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("violations"))
    yield made
    made.remove()


def test_every_policy_has_a_violation() -> None:
    assert VIOLATIONS.keys() == {policy.name for policy in pack.POLICIES}


def test_each_policy_fails_the_stack_that_violates_it(project: Project) -> None:
    found = project.preview(PACK)
    assert found.code != 0
    assert differing(found.violations[pack.NAME]) == set()
    lines = {line.strip() for line in found.output.splitlines()}
    for policy in pack.POLICIES:
        assert policy.asks in lines, policy.name
        assert f"Why: {policy.why}" in lines, policy.name
        assert f"Remedy: {policy.remedy}" in lines, policy.name
    assert "open admits the whole internet: its source is 0.0.0.0/0." in lines
    default = "uses its VCN's default security list, in which Oracle admits 22/tcp from anywhere."
    assert {line for line in lines if line.endswith(default)} == {
        f"{name} {default}" for name in ("as-made", "by-name")
    }
    assert {line for line in lines if " in plain text: its output " in line} == {
        "violations-broken has a secret, according to its name, in plain text: its output token.",
        "plain-part has the value of the secret configuration key violations:password in plain text: its output note.",
    }
    # One violation each. The volumes are those of the cluster too; a preview does not know their outputs.
    sums = [line.partition(" (")[0] for line in lines if line.startswith("The stack has ")]
    assert sorted(sums) == [
        "The stack has 2 load balancers",
        "The stack has 300 GB of boot and data volumes",
        "The stack has 5 OCPU of VM.Standard.A1.Flex",
    ]
    assert "correct horse" not in found.output


def test_exceptions_switch_off_their_policies_and_no_other(project: Project) -> None:
    exceptions = [one.name for one in pack.POLICIES if one.may_be_excepted]
    found = project.preview(PACK, exceptions=exceptions)
    assert differing(found.violations[pack.NAME]) == set(exceptions)
    assert not set(exceptions) & found.violations[pack.NAME].keys()


def test_wrong_exception_fails_the_preview_with_the_allowed_names(project: Project) -> None:
    found = project.preview(PACK, exceptions=["data-kept", "images-by-digest"])
    assert found.code != 0
    assert "policy:exceptions[1] in Pulumi.broken.yaml: images-by-digest" in found.output
    assert "no-public-load-balancer, data-kept, always-free" in found.output
    assert not found.violations


@pytest.fixture
def committed(engine: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """A stack with the committed configuration of the named one, and the account's values. It has another name, because
    test_review_stacks.py removes the stacks of the committed names in another process.
    """
    subprocess.run([str(PULUMI), "config", "--stack", request.param], cwd=ROOT, check=False, capture_output=True)
    stack = Stack(f"policy-{request.param}", tmp_path, like=paths.STACKS / f"Pulumi.{request.param}.yaml")
    stack.init()
    yield stack
    stack.remove()


@pytest.mark.parametrize("committed", COMMITTED, indirect=True)
def test_committed_stack_has_no_violation(committed: Stack, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    configured = ("--config-file", str(committed.config_file))
    done = committed.pulumi("preview", *configured, "--policy-pack", str(PACK), "--event-log", str(log))
    assert f"✅ {pack.NAME}@" in done.stdout, PULUMI
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert not any("policyEvent" in event for event in events)
    planned = [event["resourcePreEvent"]["metadata"]["new"] for event in events if "resourcePreEvent" in event]
    holders = [state for state in planned if state["type"] in data.HOLDERS]
    assert holders
    for state in holders:
        place: object = state["inputs"]
        for part in data.HOLDERS[state["type"]].split("."):
            place = place.get(part) if isinstance(place, dict) else None
        assert place == ("keep" if state.get("retainOnDelete") else "delete"), state["urn"]


VOLUME = """
    tags = {{"project": "{project}", "stack": "test", "managed-by": "pulumi", "on-destroy": "{tag}"}}
    options = pulumi.ResourceOptions(retain_on_delete={kept}, import_={adopted!r}, ignore_changes={ignored!r})
    domain = oci.identity.get_availability_domains(compartment_id=TENANCY).availability_domains[0].name
    volume = oci.core.Volume(
        "volume", compartment_id=TENANCY, availability_domain=domain, size_in_gbs="50", freeform_tags=tags, opts=options
    )
    pulumi.export("volume", volume.id)
"""
UP = ("up", "--yes", "--skip-preview")
CHECKED = ("--policy-pack", str(PACK))


def own_volume(folder: Path) -> dict[str, object]:
    """The values in VOLUME for one that the stack makes and keeps."""
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
    return {"project": project, "tag": "keep", "kept": True, "adopted": None, "ignored": []}


def test_update_stops_before_it_makes_anything(engine: None, tmp_path: Path) -> None:
    alone = new_project(tmp_path)
    alone.write(VOLUME.format(**{**own_volume(tmp_path), "project": "of-another"}))
    assert "volume (oci:Core/volume:Volume) lacks the tags project: " in alone.pulumi(*UP, *CHECKED, check=False)
    assert not alone.records("volume")


NETWORK = """
    where = {{"compartment_id": TENANCY, "freeform_tags": {{"project": "{project}", "stack": "test", "managed-by": "pulumi"}}}}
    vcn = oci.core.Vcn("vcn", cidr_blocks=["10.7.0.0/16"], **where)
    subnet = oci.core.Subnet("subnet", vcn_id=vcn.id, cidr_block="10.7.1.0/24", **where)
    {more}
"""
ADOPTED = 'oci.core.DefaultSecurityList("list", manage_default_resource_id=vcn.default_security_list_id, **where); '


def test_policy_reports_a_default_list_that_the_stack_stops_managing(engine: None, tmp_path: Path) -> None:
    alone = new_project(tmp_path)
    project = own_volume(tmp_path)["project"]
    alone.write(NETWORK.format(project=project, more=ADOPTED))
    alone.pulumi("up", "--yes", *CHECKED)
    subnet = alone.state()["subnet"]["id"]
    alone.write(NETWORK.format(project=project, more=f'oci.core.Subnet.get("read", "{subnet}")'))
    found = alone.pulumi("preview", *CHECKED, check=False)
    assert "subnet uses its VCN's default security list" in found
    assert "read uses" not in found
    with_own = 'oci.core.Subnet("own", vcn_id=vcn.id, cidr_block="10.7.2.0/24", security_list_ids=[own.id], **where)'
    made = f'own = oci.core.SecurityList("own", vcn_id=vcn.id, **where); {with_own}'
    alone.write(NETWORK.format(project=project, more=ADOPTED + made))
    alone.pulumi("up", "--yes", *CHECKED)
    alone.pulumi("preview", *CHECKED)


def test_outputs_unknown_to_a_preview_are_checked_by_the_update(engine: None, tmp_path: Path) -> None:
    alone = new_project(tmp_path)
    project = own_volume(tmp_path)["project"]
    alone.write(NETWORK.format(project=project, more=ADOPTED + 'pulumi.export("token", vcn.id)'))
    alone.pulumi("preview", *CHECKED)
    assert "in plain text: its output token." in alone.pulumi(*UP, *CHECKED, check=False)
    assert "vcn" in alone.state()
    alone.write(NETWORK.format(project=project, more=ADOPTED + 'pulumi.export("token", pulumi.Output.secret(vcn.id))'))
    alone.pulumi(*UP, *CHECKED)


def test_adopted_volume_is_checked_by_the_tag_that_this_stack_sets(engine: None, tmp_path: Path) -> None:
    alone = new_project(tmp_path)
    own = own_volume(tmp_path)
    alone.write(VOLUME.format(**{**own, "project": "of-another", "tag": "keep"}))
    alone.pulumi(*UP)
    volume = alone.state()["volume"]["id"]
    alone.pulumi("destroy", "--yes", "--skip-preview")
    adopted = {**own, "adopted": volume}
    alone.write(VOLUME.format(**{**adopted, "tag": "delete", "kept": False}))
    # Without a preview, `up` imports first.
    assert "volume is deleted with its data" in alone.pulumi("up", "--yes", *CHECKED, check=False)
    assert "volume" not in alone.state()
    alone.write(VOLUME.format(**{**adopted, "kept": False, "ignored": ["freeformTags"]}))
    assert "volume may be deleted with its data" in alone.pulumi("preview", *CHECKED, check=False)
    alone.write(VOLUME.format(**adopted))
    # Like `make preview PLAN=…` and `make up PLAN=…`.
    plan = str(tmp_path / "plan.json")
    alone.pulumi("preview", *CHECKED, "--save-plan", plan)
    alone.pulumi(*UP, *CHECKED, "--plan", plan)
    state = alone.state()["volume"]
    assert (state["id"], state["inputs"]["freeformTags"]["project"]) == (volume, own["project"])
    [record] = alone.records("volume")
    assert json.dumps(own["project"]) in record.read_text()
    assert not alone.planned()


def test_policies_check_the_configuration_of_a_stack(changed: Stack) -> None:
    changed.configure(ocpus=4, retainData=False)
    command = ("preview", "--policy-pack", str(PACK), "--config-file", str(changed.config_file))
    refused = changed.pulumi(*command, check=False)
    assert refused.returncode != 0
    assert (
        "The stack has 4 OCPU of VM.Standard.A1.Flex (jupyterlab-instance 4); Always Free covers 2." in refused.stdout
    )
    assert "jupyterlab-data is deleted with its data" in refused.stdout
    assert ROOT_RESOURCE not in refused.stdout
    document = yaml.safe_load(changed.config_file.read_text())
    document["config"]["policy:exceptions"] = ["always-free", "data-kept"]
    changed.config_file.write_text(yaml.safe_dump(document))
    changed.pulumi(*command)
