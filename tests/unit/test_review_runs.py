"""What a review reads from the engine, records in a plan, and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operations.review.__main__ import main
from operations.review.changes import changes
from operations.review.engine import run
from operations.review.events import read
from operations.review.plan import changed_steps, outline, state_digest
from operations.review.summary import summary
from tests.unit.review_steps import VCN, state, step, urn


def test_output_ends_before_the_values_that_violate_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = tmp_path / "pulumi"
    engine.write_text(
        "#!/bin/sh\nprintf 'a question: '; sleep 0.2; printf 'res viol'; sleep 0.2; printf 'ates pl'; sleep 0.2\n"
        "printf 'an: {hidden\\n'; sleep 0.2; echo hidden; exit 3\n"
    )
    engine.chmod(0o755)
    done = run(str(engine), "dev", ["up"], withhold=True)
    assert (done.code, done.violates_plan) == (3, True)
    assert capsys.readouterr().out == "a question: res "


def test_log_is_read_without_the_values_that_violate_a_plan(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    message = (
        "resource urn:pulumi:dev::app::t::vcn violates plan: properties changed: ~~p[{&{{hidden}}}!={&{{x\nhidden}}}]"
    )
    logged = {"severity": "error", "urn": urn("vcn"), "message": message}
    log.write_text(json.dumps({"diagnosticEvent": logged}) + "\n")
    [error] = read(log).errors
    assert error.resource == "vcn"
    assert "hidden" not in error.text


def test_policy_violation_is_shown_with_its_remedy(tmp_path: Path) -> None:
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


def test_half_a_line_of_a_killed_engine_is_ignored(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text('{"preludeEvent": {}}\n{"resourcePreEvent": {"metad')
    assert read(log).steps == []


def test_default_providers_are_no_change(tmp_path: Path) -> None:
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
def test_replacement_by_the_providers_code_names_its_cause(
    tmp_path: Path, type_name: str, changed: str, causes: list[str]
) -> None:
    log = tmp_path / "events.jsonl"
    # As with the official provider.
    differences = {"__meta": "update-replace", changed: "update", "displayName": "update"}
    logged = {
        "op": "replace",
        "urn": urn("it", type_name),
        "type": type_name,
        "keys": ["__meta"],
        "diffs": ["__meta", changed.partition(".")[0], "displayName"],
        "detailedDiff": {path: {"diffKind": kind, "inputDiff": False} for path, kind in differences.items()},
    }
    log.write_text(json.dumps({"resourcePreEvent": {"metadata": logged}}) + "\n")
    steps = read(log).steps
    [change] = changes(steps)
    assert {one.path for one in change.properties} == {changed, "displayName"}
    assert [one.path for one in change.properties if one.cause] == causes
    assert "__meta" not in str(outline(steps))


def test_message_with_line_separators_is_read(tmp_path: Path) -> None:
    logged = {"severity": "error", "message": "one\u0085two\u2028three"}
    log = tmp_path / "events.jsonl"
    log.write_text(json.dumps({"diagnosticEvent": logged}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert [one.text for one in read(log).errors] == ["one\u0085two\u2028three"]


@pytest.mark.parametrize("operation", ["preview", "up", "drift"])
def test_missing_program_is_an_error_without_traceback(
    operation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    line = [operation, "--pulumi", "pulumi-nowhere", "--stack", "dev", "--summary", str(summary)]
    assert main(line) == 1
    assert "pulumi-nowhere: no such program" in capsys.readouterr().err
    assert ": failed -->" in summary.read_text()


def test_summary_in_a_missing_folder_is_refused_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--pulumi", "/bin/false", "--stack", "dev", "--summary", "nowhere/summary.md"])
    assert "the folder nowhere does not exist" in capsys.readouterr().err


def test_outline_shows_retention_and_ids() -> None:
    kept, deleted = (step("delete", old=state("it", id="ocid1.it", retained=kept)) for kept in (True, False))
    [sentence] = changed_steps(outline([kept]), outline([deleted]))
    assert sentence.startswith("it: reviewed was delete; of ocid1.it; kept on deletion before; now it is delete")
    other = step("delete", old=state("it", id="ocid1.other", retained=True))
    assert changed_steps(outline([kept]), outline([other]))
    assert changed_steps(outline([kept]), outline([kept])) == []


def test_digest_ignores_the_time_of_the_export() -> None:
    def exported(time: str, *resources: str, pending: bool = False) -> str:
        operations = [{"type": "creating"}] if pending else None
        deployment = {"manifest": {"time": time}, "resources": list(resources), "pending_operations": operations}
        return json.dumps({"version": 3, "deployment": deployment})

    assert state_digest(exported("1", "a")) == state_digest(exported("2", "a"))
    assert state_digest(exported("1", "a")) != state_digest(exported("1", "b"))
    assert state_digest(exported("1", "a")) != state_digest(exported("1", "a", pending=True))
