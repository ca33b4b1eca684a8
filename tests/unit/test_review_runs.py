"""What a review reads of the engine and shows of it, what it remembers of a plan, and what it refuses before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operations.review.__main__ import main
from operations.review.changes import changes
from operations.review.engine import run
from operations.review.events import read
from operations.review.plan import moved_steps, outline, state_digest
from operations.review.summary import summary
from tests.unit.review_steps import VCN, state, step, urn


def test_an_engine_that_tells_what_violates_a_plan_is_cut_short_wherever_its_output_is_torn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = tmp_path / "pulumi"
    engine.write_text(
        "#!/bin/sh\nprintf 'a question: '; sleep 0.2; printf 'res viol'; sleep 0.2; printf 'ates pl'; sleep 0.2\n"
        "printf 'an: {hidden\\n'; sleep 0.2; echo hidden; exit 3\n"
    )
    engine.chmod(0o755)
    done = run(str(engine), "dev", ["up"], withhold=True)
    assert (done.code, done.violates_plan) == (3, True)
    assert capsys.readouterr().out == "a question: res "


def test_what_violates_a_plan_is_never_read_from_the_log(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    message = (
        "resource urn:pulumi:dev::app::t::vcn violates plan: properties changed: ~~p[{&{{hidden}}}!={&{{x\nhidden}}}]"
    )
    told_by_engine = {"severity": "error", "urn": urn("vcn"), "message": message}
    log.write_text(json.dumps({"diagnosticEvent": told_by_engine}) + "\n")
    [error] = read(log).errors
    assert error.resource == "vcn"
    assert "hidden" not in error.text


def test_policies_are_told_with_their_remedy(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    broken = {
        "resourceUrn": urn("vcn"),
        "message": "tags are missing\nadd them",
        "policyName": "tags",
        "enforcementLevel": "mandatory",
    }
    log.write_text(json.dumps({"policyEvent": broken}) + "\n")
    text = summary("preview", "dev", read(log), failed=True)
    assert "- `tags` (mandatory), `vcn`" in text
    assert "  add them" in text


def test_providers_that_the_engine_makes_itself_are_no_change(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    types = {"pulumi:pulumi:Stack": "app-dev", "pulumi:providers:oci": "default_5_5_0", VCN: "vcn"}
    events = [
        {"resourcePreEvent": {"metadata": {"op": "create", "urn": urn(name, kind), "type": kind, "new": None}}}
        for kind, name in types.items()
    ]
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert [one.name for one in read(log).steps] == ["vcn"]


@pytest.mark.parametrize(
    ("type_name", "changed", "causes"),
    [
        ("oci:Core/instance:Instance", "metadata.ssh_authorized_keys", ["metadata.ssh_authorized_keys"]),
        ("oci:Core/instance:Instance", "metadata", ["metadata"]),
        ("oci:ContainerEngine/cluster:Cluster", "endpointConfig.subnetId", ["endpointConfig.subnetId"]),
        (VCN, "cidrBlock", ["cidrBlock", "displayName"]),
    ],
)
def test_a_replacement_by_the_providers_code_names_what_a_person_changed(
    tmp_path: Path, type_name: str, changed: str, causes: list[str]
) -> None:
    log = tmp_path / "events.jsonl"
    # As with the official provider.
    differences = {"__meta": "update-replace", changed: "update", "displayName": "update"}
    told_by_engine = {
        "op": "replace",
        "urn": urn("it", type_name),
        "type": type_name,
        "keys": ["__meta"],
        "diffs": ["__meta", changed.partition(".")[0], "displayName"],
        "detailedDiff": {path: {"diffKind": kind, "inputDiff": False} for path, kind in differences.items()},
    }
    log.write_text(json.dumps({"resourcePreEvent": {"metadata": told_by_engine}}) + "\n")
    steps = read(log).steps
    [change] = changes(steps)
    assert {one.path for one in change.properties} == {changed, "displayName"}
    assert [one.path for one in change.properties if one.cause] == causes
    assert "__meta" not in str(outline(steps))


def test_a_message_with_any_character_is_read(tmp_path: Path) -> None:
    told = {"severity": "error", "message": "one\u0085two\u2028three"}
    log = tmp_path / "events.jsonl"
    log.write_text(json.dumps({"diagnosticEvent": told}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert [one.text for one in read(log).errors] == ["one\u0085two\u2028three"]


@pytest.mark.parametrize("operation", ["preview", "up", "drift"])
def test_a_program_that_is_not_there_is_told_without_a_traceback(
    operation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    line = [operation, "--pulumi", "pulumi-nowhere", "--stack", "dev", "--summary", str(summary)]
    assert main(line) == 1
    assert "pulumi-nowhere: there is no such program" in capsys.readouterr().err
    assert ": failed -->" in summary.read_text()


def test_a_summary_that_could_not_be_written_is_refused_before_anything_is_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--pulumi", "/bin/false", "--stack", "dev", "--summary", "nowhere/summary.md"])
    assert "there is no folder nowhere" in capsys.readouterr().err


def test_an_outline_differs_where_something_is_no_longer_kept_or_has_another_id() -> None:
    kept, let_go = (step("delete", old=state("it", id="ocid1.it", retained=kept)) for kept in (True, False))
    [sentence] = moved_steps(outline([kept]), outline([let_go]))
    assert sentence.startswith("it: reviewed was delete; of ocid1.it; kept on deletion before; now it is delete")
    other = step("delete", old=state("it", id="ocid1.other", retained=True))
    assert moved_steps(outline([kept]), outline([other]))
    assert moved_steps(outline([kept]), outline([kept])) == []


def test_a_state_is_the_same_whenever_it_was_written() -> None:
    def exported(time: str, *resources: str, pending: bool = False) -> str:
        operations = [{"type": "creating"}] if pending else None
        deployment = {"manifest": {"time": time}, "resources": list(resources), "pending_operations": operations}
        return json.dumps({"version": 3, "deployment": deployment})

    assert state_digest(exported("1", "a")) == state_digest(exported("2", "a"))
    assert state_digest(exported("1", "a")) != state_digest(exported("1", "b"))
    assert state_digest(exported("1", "a")) != state_digest(exported("1", "a", pending=True))
