"""What a killed run leaves in the state, and its repair."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from operations.interrupted.repair import repair
from operations.interrupted.resource_types import LOOK_UPS
from operations.interrupted.stack import Stack, UnresolvedError
from specs.resource_types import CLUSTER, VOLUME
from tests.unit.conftest import ROOT

PREFIX = "urn:pulumi:dev::containerised-app::containerised-app:network:Network$"
VCN = "oci:Core/vcn:Vcn"
COMPARTMENT = {"compartmentId": "ocid1.tenancy.oc1..root"}
MADE = "ocid1.vcn.oc1.eu-frankfurt-1.made"


def resource(type: str, name: str, id: str = "", **more: Any) -> dict[str, Any]:
    inputs = {**COMPARTMENT, "displayName": f"dev-{name}", **more.pop("inputs", {})}
    known = {"id": id} if id else {}
    return {"urn": f"{PREFIX}{type}::app-{name}", "type": type, "custom": True, "inputs": inputs, **known, **more}


def pending(type: str, made: dict[str, Any]) -> dict[str, Any]:
    return {"type": type, "resource": made}


@dataclass
class State(Stack):
    """A stack in memory. there: ids that the cloud has."""

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


def test_repair_without_pending_operations_does_nothing() -> None:
    state = State()
    assert repair(state, []) == []
    assert state.written == 0


def test_repair_of_a_stack_without_deployment_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    state = State()
    monkeypatch.setattr(State, "export", lambda self: {"version": 3, "deployment": None})
    assert repair(state, []) == []


def test_pulumi_command_may_have_several_words(tmp_path: Path) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("""echo '{"arguments": "'"$*"'"}'""")
    arguments = Stack("dev", f"env sh {pulumi}").export()["arguments"]
    assert arguments == "stack export --non-interactive --stack dev"


def test_question_has_the_look_up_and_the_command_that_takes_the_answer() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn"))])
    with pytest.raises(UnresolvedError) as error:
        repair(state, [])
    question = str(error.value)
    assert 'app-vcn (oci:Core/vcn:Vcn), called "dev-vcn"' in question
    assert "oci network vcn list --compartment-id ocid1.tenancy.oc1..root --display-name dev-vcn" in question
    assert question.endswith('    make interrupted STACK=dev PULUMI=pulumi FOUND="app-vcn=?"')
    assert state.written == 0


def test_question_has_a_placeholder_for_a_secret_input() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    state = State(operations=[pending("creating", resource(VCN, "vcn", inputs={"displayName": secret}))])
    with pytest.raises(UnresolvedError, match="--display-name <displayName>") as error:
        repair(state, [])
    assert "ciphertext" not in str(error.value)


def test_found_resource_is_adopted_with_the_inputs_of_its_create() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn", replacementTrigger="x"))])
    assert repair(state, [f"app-vcn={MADE}"]) == [f"app-vcn: adopted, {MADE}"]
    [vcn] = state.resources
    assert vcn["id"] == MADE
    assert vcn["inputs"] == vcn["outputs"]
    assert vcn["replacementTrigger"] == "x"
    assert state.refreshed == [vcn["urn"]]


def test_missing_resource_is_forgotten() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn"))])
    assert repair(state, ["app-vcn=none"]) == ["app-vcn: the next `up` creates it"]
    assert (state.resources, state.operations, state.refreshed) == ([], [], [])


def test_failed_create_is_forgotten_unless_the_cloud_has_it() -> None:
    instance, nodes = "oci:Core/instance:Instance", "oci:ContainerEngine/nodePool:NodePool"
    failed = {"initErrors": ["Out of host capacity."]}
    gone = resource(nodes, "nodes", "ocid1.nodepool.oc1..gone", **failed)
    there = resource(instance, "instance", "ocid1.instance.oc1..there", **failed)
    pod = resource("kubernetes:apps/v1:Deployment", "app", "app", **failed)
    state = State(resources=[gone, there, pod], there={there["id"]})
    assert repair(state, []) == ["app-nodes: the next `up` creates it"]
    assert state.resources == [there, pod]
    assert state.refreshed == [gone["urn"], there["urn"]]


def test_state_is_unchanged_until_every_question_is_answered() -> None:
    creates = [pending("creating", resource(VCN, "vcn")), pending("creating", resource(VOLUME, "data"))]
    state = State(operations=creates)
    with pytest.raises(UnresolvedError, match=r'FOUND="app-vcn=\? app-data=\?"'):
        repair(state, [f"app-vcn={MADE}"])
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
def test_repeatable_create_needs_no_answer(type: str, name: str) -> None:
    state = State(operations=[pending("creating", resource(type, name))])
    assert repair(state, []) == [f"app-{name}: the next `up` creates it"]
    assert state.operations == []


def test_question_names_a_type_without_look_up() -> None:
    state = State(operations=[pending("creating", resource("oci:Core/drg:Drg", "drg"))])
    with pytest.raises(UnresolvedError, match=r'app-drg \(oci:Core/drg:Drg\), called "dev-drg"'):
        repair(state, [])


@pytest.mark.parametrize("operation", ["updating", "deleting"])
def test_interrupted_update_and_delete_are_left_to_the_next_up(operation: str) -> None:
    state = State(operations=[pending(operation, resource(VCN, "vcn", "ocid1.vcn.oc1..x"))])
    [line] = repair(state, [])
    assert line.startswith(f"app-vcn: interrupted while {operation}; the next `up` repeats it")
    assert "`pulumi up --refresh --stack dev`" in line
    assert state.written == 0


@pytest.mark.parametrize("operation", ["reading", "importing", "refreshing"])
def test_interrupted_read_is_not_reported(operation: str) -> None:
    assert repair(State(operations=[pending(operation, resource(VCN, "vcn"))]), []) == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("app-vnc=none", "app-vnc: no create of this resource was interrupted; interrupted creates: app-vcn"),
        ("app-vcn=?", "app-vcn: answer with its id, or with none"),
        ("app-vcn", "app-vcn: answer with its id, or with none"),
        ("app-vcn=ocid1.subnet.oc1..x", "its OCID begins with ocid1.vcn., this is ocid1.subnet.oc1..x"),
        ("app-vcn=ocid1.vcn.oc1..known", "ocid1.vcn.oc1..known is in the state, as app-other"),
    ],
)
def test_wrong_answer_changes_nothing(answer: str, says: str) -> None:
    other = resource(VCN, "other", "ocid1.vcn.oc1..known")
    state = State(resources=[other], operations=[pending("creating", resource(VCN, "vcn"))])
    with pytest.raises(UnresolvedError, match=says.replace("?", r"\?")):
        repair(state, [answer])
    assert state.written == 0


def test_unknown_id_is_reported_with_the_import_command() -> None:
    made = resource(VCN, "vcn", parent=f"{PREFIX}x::app")
    state = State(operations=[pending("creating", made)], there=set())
    with pytest.raises(UnresolvedError, match=f"the cloud has no {MADE}; the next `up` creates a new one") as error:
        repair(state, [f"app-vcn={MADE}"])
    assert "pulumi import oci:Core/vcn:Vcn app-vcn ? --parent parent=" in str(error.value)


def test_duplicate_of_a_resource_in_the_state_is_left_to_a_person() -> None:
    second = resource(VOLUME, "data", "ocid1.volume.oc1..second")
    state = State(resources=[second], operations=[pending("creating", resource(VOLUME, "data"))])
    with pytest.raises(UnresolvedError, match=r"ocid1\.volume\.oc1\.\.second is in the state and stays"):
        repair(state, [])
    with pytest.raises(UnresolvedError, match=r"Check that ocid1\.volume\.oc1\.\.first holds nothing, delete it"):
        repair(state, ["app-data=ocid1.volume.oc1..first"])
    assert (state.resources, state.written) == ([second], 0)
    repair(state, ["app-data=none"])
    assert state.resources == [second]


def test_create_interrupted_twice_is_asked_once() -> None:
    state = State(operations=[pending("creating", resource(VCN, "vcn"))] * 2)
    with pytest.raises(UnresolvedError, match="this happened 2 times") as error:
        repair(state, [])
    assert str(error.value).count("app-vcn=?") == 1


def test_adopted_replacement_takes_the_place_of_the_deleted_resource() -> None:
    old = resource(VCN, "vcn", "ocid1.vcn.oc1..old", pendingReplacement=True)
    dependent = resource("oci:Core/subnet:Subnet", "subnet", "ocid1.subnet.oc1..x", dependencies=[old["urn"]])
    state = State(resources=[old, dependent], operations=[pending("creating", resource(VCN, "vcn"))])
    repair(state, [f"app-vcn={MADE}"])
    assert [one["id"] for one in state.resources] == [MADE, dependent["id"]]
    assert "pendingReplacement" not in state.resources[0]


def test_deleted_resource_without_replacement_is_forgotten() -> None:
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
    assert repair(state, []) == []
    assert state.resources == [instance]


def test_deleted_resource_with_references_stays() -> None:
    vcn = resource(VCN, "vcn", "ocid1.vcn.oc1..old", pendingReplacement=True)
    for reference in (
        {"parent": vcn["urn"]},
        {"dependencies": [vcn["urn"]]},
        {"propertyDependencies": {"x": [vcn["urn"]]}},
    ):
        state = State(resources=[vcn, resource("oci:Core/subnet:Subnet", "subnet", "ocid1.subnet.oc1..x", **reference)])
        repair(state, [])
        assert len(state.resources) == 2
        assert state.written == 0


def test_every_type_of_the_components_has_a_look_up_or_is_repeatable() -> None:
    source = "\n".join(file.read_text() for file in (ROOT / "components").glob("*.py"))
    made = set(re.findall(r"\boci\.\w+\.([A-Z]\w+)\(", source)) - {"GetServicesFilterArgs"}
    resources = {name for name in made if not name.endswith("Args")}
    assert "Instance" in resources
    assert {kind.rpartition(":")[2] for kind in LOOK_UPS} == {
        name for name in resources if not name.startswith("Default")
    }


@pytest.mark.parametrize(
    ("retained", "cluster", "reported"), [("", True, True), ("the volume stays", True, False), ("", False, False)]
)
def test_interrupted_destroy_reports_the_volume_of_the_claim(retained: str, cluster: bool, reported: bool) -> None:
    volume = "ocid1.volume.oc1..claims"
    stack = {"urn": "urn:s::p::pulumi:pulumi:Stack::p-dev", "type": "pulumi:pulumi:Stack"}
    stack["outputs"] = {"dataVolumeId": volume, "retained": retained}  # type: ignore[assignment]
    nodes = resource("oci:ContainerEngine/nodePool:NodePool", "nodes", "ocid1.nodepool.oc1..n")
    owner = [resource(CLUSTER, "cluster", "ocid1.cluster.oc1..c")] if cluster else []
    state = State(resources=[stack, *owner, nodes], operations=[pending("deleting", nodes)])
    lines = "\n".join(repair(state, []))
    assert (f"oci bv volume delete --volume-id {volume}" in lines) == reported
