"""What a killed run leaves in the state, and what is made of it."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from operations import interrupted
from operations.review.events import CLUSTER

PREFIX = "urn:pulumi:dev::containerised-app::containerised-app:network:Network$"
VCN, VOLUME = "oci:Core/vcn:Vcn", "oci:Core/volume:Volume"
COMPARTMENT = {"compartmentId": "ocid1.tenancy.oc1..root"}
MADE = "ocid1.vcn.oc1.eu-frankfurt-1.made"


def resource(type: str, name: str, id: str = "", **more: Any) -> dict[str, Any]:
    inputs = {**COMPARTMENT, "displayName": f"dev-{name}", **more.pop("inputs", {})}
    known = {"id": id} if id else {}
    return {"urn": f"{PREFIX}{type}::app-{name}", "type": type, "custom": True, "inputs": inputs, **known, **more}


def pending(type: str, made: dict[str, Any]) -> dict[str, Any]:
    return {"type": type, "resource": made}


@dataclass
class State(interrupted.Stack):
    """A stack in memory, whose cloud has `there`."""

    name: str = "dev"
    pulumi: str = "pulumi"
    resources: list[dict[str, Any]] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)
    there: set[str] = field(default_factory=lambda: {MADE})
    refreshed: list[str] = field(default_factory=list)
    written: int = 0

    def export(self) -> dict[str, Any]:
        deployment = {"resources": self.resources, "pending_operations": self.operations}
        return copy.deepcopy({"version": 3, "deployment": deployment})

    def replace(self, exported: dict[str, Any]) -> None:
        self.resources, self.operations = exported["deployment"]["resources"], []
        self.written += 1

    def refresh(self, urns: list[str]) -> None:  # type: ignore[override]
        self.refreshed += urns
        self.resources = [one for one in self.resources if one["urn"] not in urns or one["id"] in self.there]


def test_where_nothing_was_under_way_nothing_is_said_or_done() -> None:
    state = State()
    assert interrupted.put_right(state, []) == []
    assert state.written == 0


def test_a_stack_that_was_never_brought_up_has_nothing_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    state = State()
    monkeypatch.setattr(State, "export", lambda self: {"version": 3, "deployment": None})
    assert interrupted.put_right(state, []) == []


def test_pulumi_may_be_a_command_of_several_words(tmp_path: Path) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("""echo '{"asked": "'"$*"'"}'""")
    asked = interrupted.Stack("dev", f"env sh {pulumi}").export()["asked"]
    assert asked == "stack export --stack dev --non-interactive"


def test_a_create_is_asked_for_with_the_way_to_look_it_up_and_the_command_that_answers() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn"))])
    with pytest.raises(interrupted.UnresolvedError) as refusal:
        interrupted.put_right(state, [])
    said = str(refusal.value)
    assert 'app-vcn (oci:Core/vcn:Vcn), called "dev-vcn"' in said
    assert "oci network vcn list --compartment-id ocid1.tenancy.oc1..root --display-name dev-vcn" in said
    assert said.endswith('    make interrupted STACK=dev PULUMI=pulumi FOUND="app-vcn=?"')
    assert state.written == 0


def test_a_secret_or_unknown_input_is_left_to_be_filled_in() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    state = State(operations=[pending("creating", resource(VCN, "vcn", inputs={"displayName": secret}))])
    with pytest.raises(interrupted.UnresolvedError, match="--display-name <displayName>") as refusal:
        interrupted.put_right(state, [])
    assert "ciphertext" not in str(refusal.value)


def test_what_is_there_is_taken_over_with_the_inputs_it_was_made_with() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn", replacementTrigger="x"))])
    told = interrupted.put_right(state, [f"app-vcn={MADE}"])
    assert told == [f"app-vcn: taken over, {MADE}"]
    [vcn] = state.resources
    assert vcn["id"] == MADE
    assert vcn["inputs"] == vcn["outputs"]
    assert vcn["replacementTrigger"] == "x"
    assert state.refreshed == [vcn["urn"]]


def test_what_is_not_there_is_forgotten() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn"))])
    assert interrupted.put_right(state, ["app-vcn=none"]) == ["app-vcn: the next `up` makes it"]
    assert (state.resources, state.operations, state.refreshed) == ([], [], [])


def test_a_create_that_failed_later_is_forgotten_unless_the_cloud_has_it() -> None:
    instance, nodes = "oci:Core/instance:Instance", "oci:ContainerEngine/nodePool:NodePool"
    failed = {"initErrors": ["Out of host capacity."]}
    gone = resource(nodes, "nodes", "ocid1.nodepool.oc1..gone", **failed)
    there = resource(instance, "instance", "ocid1.instance.oc1..there", **failed)
    pod = resource("kubernetes:apps/v1:Deployment", "app", "app", **failed)
    state = State(resources=[gone, there, pod], there={there["id"]})
    assert interrupted.put_right(state, []) == ["app-nodes: the next `up` makes it"]
    assert state.resources == [there, pod]
    assert state.refreshed == [gone["urn"], there["urn"]]


def test_nothing_is_forgotten_before_everything_is_answered() -> None:
    creates = [pending("creating", resource(VCN, "vcn")), pending("creating", resource(VOLUME, "data"))]
    state = State(operations=creates)
    with pytest.raises(interrupted.UnresolvedError, match=r'FOUND="app-vcn=\? app-data=\?"'):
        interrupted.put_right(state, [f"app-vcn={MADE}"])
    assert state.written == 0


@pytest.mark.parametrize(
    ("type", "name"),
    [
        ("docker-build:index:Image", "amd64"),
        ("docker-build:index:Index", "index"),
        ("command:remote:Command", "podman"),
        ("kubernetes:apps/v1:Deployment", "deployment"),
        ("kubernetes:core/v1:PersistentVolumeClaim", "claim"),
        ("pulumi:providers:kubernetes", "kubernetes"),
        ("oci:Core/defaultSecurityList:DefaultSecurityList", "default-security-list"),
    ],
)
def test_what_is_the_same_when_it_is_made_again_is_asked_of_nobody(type: str, name: str) -> None:
    state = State(operations=[pending("creating", resource(type, name))])
    assert interrupted.put_right(state, []) == [f"app-{name}: the next `up` makes it"]
    assert state.operations == []


def test_an_unknown_type_is_asked_for_by_its_name() -> None:
    state = State(operations=[pending("creating", resource("oci:Core/drg:Drg", "drg"))])
    with pytest.raises(interrupted.UnresolvedError, match=r'app-drg \(oci:Core/drg:Drg\), called "dev-drg"'):
        interrupted.put_right(state, [])


@pytest.mark.parametrize("operation", ["updating", "deleting"])
def test_an_update_and_a_delete_are_left_to_the_next_up(operation: str) -> None:
    state = State(operations=[pending(operation, resource(VCN, "vcn", "ocid1.vcn.oc1..x"))])
    [line] = interrupted.put_right(state, [])
    assert line.startswith(f"app-vcn: interrupted while {operation}; the next `up` does it again")
    assert "`pulumi up --refresh --stack dev`" in line
    assert state.written == 0


@pytest.mark.parametrize("operation", ["reading", "importing", "refreshing"])
def test_what_changed_nothing_in_the_cloud_needs_no_word(operation: str) -> None:
    assert interrupted.put_right(State(operations=[pending(operation, resource(VCN, "vcn"))]), []) == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("app-vnc=none", "app-vnc is none of what was interrupted while it was made: app-vcn"),
        ("app-vcn=?", "app-vcn: its id, or none"),
        ("app-vcn", "app-vcn: its id, or none"),
        ("app-vcn=ocid1.subnet.oc1..x", "its OCID begins with ocid1.vcn., this is ocid1.subnet.oc1..x"),
        ("app-vcn=ocid1.vcn.oc1..known", "ocid1.vcn.oc1..known is in the state, as app-other"),
    ],
)
def test_an_answer_that_cannot_be_right_changes_nothing(answer: str, says: str) -> None:
    other = resource(VCN, "other", "ocid1.vcn.oc1..known")
    state = State(resources=[other], operations=[pending("creating", resource(VCN, "vcn"))])
    with pytest.raises(interrupted.UnresolvedError, match=says.replace("?", r"\?")):
        interrupted.put_right(state, [answer])
    assert state.written == 0


def test_an_id_which_the_cloud_does_not_know_is_told_with_the_way_back() -> None:
    made = resource(VCN, "vcn", parent=f"{PREFIX}x::app")
    state = State(operations=[pending("creating", made)], there=set())
    with pytest.raises(
        interrupted.UnresolvedError, match=f"the cloud has no {MADE}; the next `up` makes one"
    ) as refusal:
        interrupted.put_right(state, [f"app-vcn={MADE}"])
    assert "pulumi import oci:Core/vcn:Vcn app-vcn ? --parent parent=" in str(refusal.value)


def test_where_the_stack_has_another_one_nothing_is_deleted_but_by_a_person() -> None:
    second = resource(VOLUME, "data", "ocid1.volume.oc1..second")
    state = State(resources=[second], operations=[pending("creating", resource(VOLUME, "data"))])
    with pytest.raises(interrupted.UnresolvedError, match=r"ocid1\.volume\.oc1\.\.second is in the state and stays"):
        interrupted.put_right(state, [])
    with pytest.raises(
        interrupted.UnresolvedError, match=r"Delete ocid1\.volume\.oc1\.\.first by hand, having seen that nothing"
    ):
        interrupted.put_right(state, ["app-data=ocid1.volume.oc1..first"])
    assert (state.resources, state.written) == ([second], 0)
    interrupted.put_right(state, ["app-data=none"])
    assert state.resources == [second]


def test_a_create_that_was_interrupted_twice_is_told_as_two() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn"))] * 2)
    with pytest.raises(interrupted.UnresolvedError, match="this happened 2 times") as refusal:
        interrupted.put_right(state, [])
    assert str(refusal.value).count("app-vcn=?") == 1


def test_one_that_was_deleted_to_be_made_anew_gives_its_place_to_the_new_one() -> None:
    old = resource(VCN, "vcn", "ocid1.vcn.oc1..old", pendingReplacement=True)
    dependent = resource("oci:Core/subnet:Subnet", "subnet", "ocid1.subnet.oc1..x", dependencies=[old["urn"]])
    state = State(resources=[old, dependent], operations=[pending("creating", resource(VCN, "vcn"))])
    interrupted.put_right(state, [f"app-vcn={MADE}"])
    assert [one["id"] for one in state.resources] == [MADE, dependent["id"]]
    assert "pendingReplacement" not in state.resources[0]


def test_what_was_deleted_to_be_made_anew_and_was_not_is_made_as_new() -> None:
    instance = resource("oci:Core/instance:Instance", "instance", "ocid1.instance.oc1..new")
    gone = {"pendingReplacement": True}
    attachment = resource(
        "oci:Core/volumeAttachment:VolumeAttachment",
        "attachment",
        "ocid1.volumeattachment.oc1..old",
        propertyDependencies={"instanceId": [instance["urn"]]},
        **gone,
    )
    podman = resource("command:remote:Command", "podman", "x", replaceWith=[instance["urn"], attachment["urn"]], **gone)
    state = State(resources=[instance, attachment, podman])
    assert interrupted.put_right(state, []) == []
    assert state.resources == [instance]


def test_what_others_still_refer_to_stays() -> None:
    vcn = resource(VCN, "vcn", "ocid1.vcn.oc1..old", pendingReplacement=True)
    for reference in (
        {"parent": vcn["urn"]},
        {"dependencies": [vcn["urn"]]},
        {"propertyDependencies": {"x": [vcn["urn"]]}},
    ):
        state = State(resources=[vcn, resource("oci:Core/subnet:Subnet", "subnet", "ocid1.subnet.oc1..x", **reference)])
        interrupted.put_right(state, [])
        assert len(state.resources) == 2
        assert state.written == 0


def test_every_type_of_the_cloud_that_the_program_makes_has_a_look_up_or_is_the_same_when_it_is_made_again() -> None:
    source = "\n".join(file.read_text() for file in (interrupted.ROOT / "components").glob("*.py"))
    made = set(re.findall(r"\boci\.\w+\.([A-Z]\w+)\(", source)) - {"GetServicesFilterArgs"}
    resources = {name for name in made if not name.endswith("Args")}
    assert "Instance" in resources
    known = {kind.rpartition(":")[2] for kind in interrupted.KINDS}
    assert known == {name for name in resources if not name.startswith("Default")}


@pytest.mark.parametrize(
    ("retained", "cluster", "told"), [("", True, True), ("the volume stays", True, False), ("", False, False)]
)
def test_after_an_interrupted_destroy_the_volume_of_a_claim_is_to_be_looked_for(
    retained: str, cluster: bool, told: bool
) -> None:
    volume = "ocid1.volume.oc1..claims"
    stack = {"urn": "urn:s::p::pulumi:pulumi:Stack::p-dev", "type": "pulumi:pulumi:Stack"}
    stack["outputs"] = {"dataVolumeId": volume, "retained": retained}  # type: ignore[assignment]
    nodes = resource("oci:ContainerEngine/nodePool:NodePool", "nodes", "ocid1.nodepool.oc1..n")
    owner = [resource(CLUSTER, "cluster", "ocid1.cluster.oc1..c")] if cluster else []
    state = State(resources=[stack, *owner, nodes], operations=[pending("deleting", nodes)])
    said = "\n".join(interrupted.put_right(state, []))
    assert (f"oci bv volume delete --volume-id {volume}" in said) == told
