"""The policy pack with the real engine: what it stops, what it lets pass, and that a policy which reports nothing is found."""

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
from tests.engine.violating_project import ALL_OF_IT, VIOLATIONS, Project, broken_packs, missed
from tests.support.stack import PULUMI, ROOT, Stack

PACK = ROOT / "policy" / "run"
COMMITTED = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))


@pytest.fixture(scope="module")
def project(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("violations"))
    yield made
    made.remove()


def test_every_policy_has_its_violation() -> None:
    assert VIOLATIONS.keys() == {policy.name for policy in pack.POLICIES}


def test_each_policy_fails_the_stack_that_violates_it_with_its_message(project: Project) -> None:
    told = project.preview(PACK)
    assert told.code != 0
    assert missed(told.violations[pack.NAME]) == set()
    lines = {line.strip() for line in told.output.splitlines()}
    for policy in pack.POLICIES:
        assert policy.asks in lines, policy.name
        assert f"Remedy: {policy.remedy}" in lines, policy.name
    assert "open lets everybody in: its source is 0.0.0.0/0." in lines
    default = "takes its VCN's default security list, which lets everybody in at 22/tcp as Oracle makes it."
    assert {line for line in lines if line.endswith(default)} == {
        f"{name} {default}" for name in ("as-made", "by-name")
    }
    assert {line for line in lines if " in plain text: its output " in line} == {
        "violations-broken has what its name calls a secret in plain text: its output token.",
        "telling has the value of the secret configuration key violations:password in plain text: its output note.",
    }
    # One complaint each; the volumes are those of the cluster too, of which a preview knows no outputs.
    sums = [line.partition(" (")[0] for line in lines if line.startswith("The stack has ")]
    assert sorted(sums) == [
        "The stack has 2 load balancers",
        "The stack has 300 GB of boot and data volumes",
        "The stack has 5 OCPU of VM.Standard.A1.Flex",
    ]
    assert "correct horse" not in told.output


def test_a_policy_that_is_broken_on_purpose_is_found(project: Project, tmp_path: Path) -> None:
    told = project.preview(*broken_packs(tmp_path, list(VIOLATIONS)))
    assert {name: missed(of_pack) for name, of_pack in told.violations.items()} == {
        f"without-{policy}": {policy} for policy in VIOLATIONS
    }


@pytest.mark.parametrize("policy", [one.name for one in pack.POLICIES if one.may_be_excepted])
def test_an_exception_lets_exactly_its_policy_pass(project: Project, policy: str) -> None:
    told = project.preview(PACK, exceptions=[policy])
    assert missed(told.violations[pack.NAME]) == {policy}
    assert policy not in told.violations[pack.NAME]


@pytest.mark.parametrize("name", ["no-such", "images-by-digest"])
def test_a_wrong_exception_is_refused_with_those_there_are(project: Project, name: str) -> None:
    told = project.preview(PACK, exceptions=["data-kept", name])
    assert told.code != 0
    assert f"policy:exceptions[1] in Pulumi.broken.yaml: {name}" in told.output
    assert "no-public-load-balancer, data-kept, always-free" in told.output
    assert not told.violations


@pytest.fixture
def committed(engine: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    """A stack with the committed configuration of the one that is named, and the account's values; by another name, since
    test_review_stacks.py removes those of the committed names, in another process.
    """
    subprocess.run([str(PULUMI), "config", "--stack", request.param], cwd=ROOT, check=False, capture_output=True)
    stack = Stack(f"policy-{request.param}", tmp_path, like=paths.STACKS / f"Pulumi.{request.param}.yaml")
    stack.init()
    yield stack
    stack.remove()


@pytest.mark.parametrize("committed", COMMITTED, indirect=True)
def test_a_committed_stack_passes(committed: Stack, tmp_path: Path) -> None:
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
    options = pulumi.ResourceOptions(retain_on_delete={kept}, import_={taken!r}, ignore_changes={ignored!r})
    domain = oci.identity.get_availability_domains(compartment_id=TENANCY).availability_domains[0].name
    volume = oci.core.Volume(
        "volume", compartment_id=TENANCY, availability_domain=domain, size_in_gbs="50", freeform_tags=tags, opts=options
    )
    pulumi.export("volume", volume.id)
"""
UP = ("up", "--yes", "--skip-preview")
JUDGED = ("--policy-pack", str(PACK))


def own_volume(folder: Path) -> dict[str, object]:
    """The values in VOLUME of one that the stack makes and keeps."""
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
    return {"project": project, "tag": "keep", "kept": True, "taken": None, "ignored": []}


def test_an_update_is_stopped_before_it_makes_anything(engine: None, tmp_path: Path) -> None:
    alone = new_project(tmp_path)
    alone.write(VOLUME.format(**{**own_volume(tmp_path), "project": "of-another"}))
    assert "volume (oci:Core/volume:Volume) lacks the tags project: " in alone.pulumi(*UP, *JUDGED, check=False)
    assert not alone.records("volume")


NETWORK = """
    where = {{"compartment_id": TENANCY, "freeform_tags": {{"project": "{project}", "stack": "test", "managed-by": "pulumi"}}}}
    vcn = oci.core.Vcn("vcn", cidr_blocks=["10.7.0.0/16"], **where)
    subnet = oci.core.Subnet("subnet", vcn_id=vcn.id, cidr_block="10.7.1.0/24", **where)
    {more}
"""
TAKEN_OVER = 'oci.core.DefaultSecurityList("list", manage_default_resource_id=vcn.default_security_list_id, **where); '


def test_a_default_security_list_that_the_stack_gives_up_is_told(engine: None, tmp_path: Path) -> None:
    alone = new_project(tmp_path)
    project = own_volume(tmp_path)["project"]
    alone.write(NETWORK.format(project=project, more=TAKEN_OVER))
    alone.pulumi("up", "--yes", *JUDGED)
    subnet = alone.state()["subnet"]["id"]
    alone.write(NETWORK.format(project=project, more=f'oci.core.Subnet.get("read", "{subnet}")'))
    told = alone.pulumi("preview", *JUDGED, check=False)
    assert "subnet takes its VCN's default security list" in told
    assert "read takes" not in told
    with_own = 'oci.core.Subnet("own", vcn_id=vcn.id, cidr_block="10.7.2.0/24", security_list_ids=[own.id], **where)'
    made = f'own = oci.core.SecurityList("own", vcn_id=vcn.id, **where); {with_own}'
    alone.write(NETWORK.format(project=project, more=TAKEN_OVER + made))
    alone.pulumi("up", "--yes", *JUDGED)
    alone.pulumi("preview", *JUDGED)


def test_an_output_that_a_preview_cannot_know_is_judged_at_the_end_of_the_update(engine: None, tmp_path: Path) -> None:
    alone = new_project(tmp_path)
    project = own_volume(tmp_path)["project"]
    alone.write(NETWORK.format(project=project, more=TAKEN_OVER + 'pulumi.export("token", vcn.id)'))
    alone.pulumi("preview", *JUDGED)
    assert "in plain text: its output token." in alone.pulumi(*UP, *JUDGED, check=False)
    assert "vcn" in alone.state()
    alone.write(
        NETWORK.format(project=project, more=TAKEN_OVER + 'pulumi.export("token", pulumi.Output.secret(vcn.id))')
    )
    alone.pulumi(*UP, *JUDGED)


@pytest.mark.parametrize("before", ["keep", "delete"])
def test_a_volume_that_is_taken_over_is_judged_by_what_this_stack_does_with_it(
    engine: None, tmp_path: Path, before: str
) -> None:
    alone = new_project(tmp_path)
    own = own_volume(tmp_path)
    alone.write(VOLUME.format(**{**own, "project": "of-another", "tag": before}))
    alone.pulumi(*UP)
    volume = alone.state()["volume"]["id"]
    alone.pulumi("destroy", "--yes", "--skip-preview")
    taken = {**own, "taken": volume}
    alone.write(VOLUME.format(**{**taken, "tag": "delete", "kept": False}))
    # Not UP: without its preview an `up` imports first.
    assert "volume is deleted with its data" in alone.pulumi("up", "--yes", *JUDGED, check=False)
    assert "volume" not in alone.state()
    alone.write(VOLUME.format(**{**taken, "kept": False, "ignored": ["freeformTags"]}))
    assert "volume may be deleted with its data" in alone.pulumi("preview", *JUDGED, check=False)
    alone.write(VOLUME.format(**taken))
    # As `make preview PLAN=…` and `make up PLAN=…` do.
    plan = str(tmp_path / "plan.json")
    alone.pulumi("preview", *JUDGED, "--save-plan", plan)
    alone.pulumi(*UP, *JUDGED, "--plan", plan)
    state = alone.state()["volume"]
    assert (state["id"], state["inputs"]["freeformTags"]["project"]) == (volume, own["project"])
    [record] = alone.records("volume")
    assert json.dumps(own["project"]) in record.read_text()
    assert not alone.planned()


def test_what_a_stack_of_the_project_sets_is_judged(changed: Stack) -> None:
    changed.configure(ocpus=4, retainData=False)
    command = ("preview", "--policy-pack", str(PACK), "--config-file", str(changed.config_file))
    refused = changed.pulumi(*command, check=False)
    assert refused.returncode != 0
    assert (
        "The stack has 4 OCPU of VM.Standard.A1.Flex (jupyterlab-instance 4); Always Free covers 2." in refused.stdout
    )
    assert "jupyterlab-data is deleted with its data" in refused.stdout
    assert ALL_OF_IT not in refused.stdout
    document = yaml.safe_load(changed.config_file.read_text())
    document["config"]["policy:exceptions"] = ["always-free", "data-kept"]
    changed.config_file.write_text(yaml.safe_dump(document))
    changed.pulumi(*command)
