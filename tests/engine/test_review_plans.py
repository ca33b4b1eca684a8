"""Saved plans after changes since their review, failures, and drift, on the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.oci_project import Project, new_project
from tests.engine.pull_requests import BASE, SUBNET, VOLUME, with_options
from tests.support.reviewed import Reviewed, copied

CHANGED = BASE.replace("team/app", "team/other")
SECRET_OF_A_FILE = BASE.replace('"first"', 'pulumi.Output.secret(open("secret.txt").read().strip())')


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project with BASE in its cloud and a reviewed plan of CHANGED."""
    project = new_project(tmp_path_factory.mktemp("planned"))
    project.write(BASE)
    project.up()
    made = Reviewed(project)
    project.write(CHANGED)
    assert made.run("preview") == 0, made.printed
    return project.folder


@pytest.fixture
def reviewed(planned: Path, tmp_path: Path) -> Reviewed:
    """A copy of the planned project."""
    return copied(planned, tmp_path / "project")


def cloud(project: Project) -> dict[str, str]:
    """Return every record of the cloud."""
    return {file.name: file.read_text() for file in project.cloud.rglob("*.json")}


def refused(reviewed: Reviewed, *words: str, stack: str = "test") -> None:
    """Check that `up` refuses the plan, does nothing, and prints these words."""
    before = cloud(reviewed.project)
    shown = len(reviewed.printed)
    assert reviewed.run("up", stack=stack) != 0
    for word in words:
        assert word in reviewed.printed[shown:]
        assert word in reviewed.summary
    assert "Nothing was done" in reviewed.printed[shown:]
    assert reviewed.summary.startswith(f"<!-- review: up of {stack}: failed -->\n")
    assert cloud(reviewed.project) == before


def test_plan_is_refused_after_a_change_of_the_configuration(reviewed: Reviewed) -> None:
    reviewed.project.pulumi("config", "set", "size", "12")
    reviewed.project.pulumi("config", "set", "--secret", "token", "hidden-token")
    refused(reviewed, "cloud:size", "cloud:token", "make preview STACK=test PULUMI=./recording-pulumi PLAN=plan.json")
    assert "hidden-token" not in reviewed.printed


def test_plan_is_refused_after_another_up(reviewed: Reviewed) -> None:
    reviewed.project.write(BASE + SUBNET)
    reviewed.project.up()
    reviewed.project.write(CHANGED)
    refused(reviewed, "the stack's state", "make preview STACK=test")


def test_plan_is_refused_after_a_refresh_with_drift(reviewed: Reviewed) -> None:
    [vcn] = reviewed.project.records("vcn")
    vcn.write_text(vcn.read_text().replace('"first"', '"by hand"'))
    reviewed.project.pulumi("refresh", "--yes", "--skip-preview")
    refused(reviewed, "the stack's state")


def test_plan_is_refused_after_a_change_of_the_program(reviewed: Reviewed) -> None:
    reviewed.project.write(CHANGED + SUBNET)
    refused(reviewed, "subnet: reviewed was nothing; now it is create")


def test_plan_is_refused_after_a_change_of_one_value(reviewed: Reviewed) -> None:
    reviewed.project.write(BASE.replace("team/app", "team/third"))
    refused(reviewed, "repository violates the plan")


def test_plan_is_refused_if_a_resource_is_no_longer_retained(reviewed: Reviewed) -> None:
    """The engine's own plans do not include retention (pulumi 3.259)."""
    reviewed.project.write(with_options(CHANGED.replace("team/other", "team/app"), "retain_on_delete=True"))
    assert reviewed.run("preview") == 0
    reviewed.project.write(BASE)
    refused(reviewed, "repository: reviewed was same", "kept on deletion after")


def test_plan_of_another_stack_is_refused(reviewed: Reviewed) -> None:
    reviewed.project.pulumi("stack", "init", "other", "--no-select")
    refused(reviewed, "plan.json is a plan of the stack test, not of other", stack="other")


def test_other_file_is_refused_as_a_plan(reviewed: Reviewed) -> None:
    reviewed.plan.write_text("{}")
    refused(reviewed, "plan.json is not a plan")
    reviewed.plan.unlink()
    refused(reviewed, "plan.json: no such plan")


def test_secret_that_violates_the_plan_is_not_printed(reviewed: Reviewed) -> None:
    secret = reviewed.project.folder / "secret.txt"
    reviewed.project.write(SECRET_OF_A_FILE)
    secret.write_text("hidden-one\nhidden-line")
    assert reviewed.run("preview") == 0
    secret.write_text("hidden-two\nhidden-line")
    refused(reviewed, "vcn violates the plan", "values are withheld")
    assert "hidden-" not in reviewed.printed + reviewed.summary + reviewed.plan.read_text()
    # If the engine stops printing it, the code that withholds it can go.
    assert "hidden-two" in reviewed.project.pulumi("up", "--yes", "--plan", "plan.json", check=False)


def test_failed_preview_shows_the_error_and_leaves_no_plan(reviewed: Reviewed) -> None:
    reviewed.project.write(BASE.replace("10.0.0.0/16", "10.0.0.0/33"))
    assert reviewed.run("preview") == 1
    assert reviewed.summary.startswith("<!-- review: preview of test: failed -->\n")
    assert "cidrBlocks[0] must be an IPv4 network" in reviewed.summary
    assert not reviewed.plan.exists()


def test_error_before_the_engine_starts_is_in_the_summary(reviewed: Reviewed) -> None:
    assert reviewed.run("preview", "--target", "none::of::these", plan=False) != 0
    assert reviewed.summary.startswith("<!-- review: preview of test: failed -->\n")
    assert reviewed.run("preview", stack="nobodys") != 0
    assert "no stack named 'nobodys' found" in reviewed.summary


def test_delete_of_a_protected_resource_is_refused(reviewed: Reviewed) -> None:
    reviewed.project.write(with_options(BASE, "protect=True"))
    reviewed.project.up()
    reviewed.project.write(BASE.replace("    repository", "    #"))
    before = cloud(reviewed.project)
    for operation in ("preview", "up"):
        assert reviewed.run(operation, *(["--yes"] if operation == "up" else []), plan=False) != 0
        assert reviewed.summary.startswith(f"<!-- review: {operation} of test: failed -->\n")
        assert "protected" in reviewed.summary
    assert cloud(reviewed.project) == before


def test_drift_is_reported_by_exit_code_and_by_name(reviewed: Reviewed) -> None:
    project = reviewed.project
    project.write(BASE + SUBNET + VOLUME)
    project.up()
    assert reviewed.run("drift") == 0
    assert reviewed.summary.startswith("<!-- review: drift of test: none -->\n")

    state = json.dumps(project.state(), sort_keys=True)
    [vcn] = project.records("vcn")
    vcn.write_text(vcn.read_text().replace('"first"', '"by hand"'))
    for kind in ("subnet", "volume"):
        [record] = project.records(kind)
        record.unlink()
    assert reviewed.run("drift") == 7
    summary = reviewed.summary
    assert summary.startswith("<!-- review: drift of test: found -->\n")
    assert "- `displayName`: wanted `first`, found `by hand`" in summary
    gone = [block.splitlines()[0] for block in summary.split("\n- **") if "  - is gone" in block]
    assert [line.partition("`")[2].partition("`")[0] for line in gone] == ["data", "subnet"]
    assert "**it held data**" in summary
    assert "make up STACK=test PULUMI=./recording-pulumi ARGS=--refresh" in summary
    assert json.dumps(project.state(), sort_keys=True) == state

    vcn.write_text("{")
    assert reviewed.run("drift") not in (0, 7)
    assert reviewed.summary.startswith("<!-- review: drift of test: failed -->\n")
    assert reviewed.run("drift", stack="nobodys") not in (0, 7)
    assert "no stack named 'nobodys' found" in reviewed.summary


def test_drift_is_undone_by_a_reviewed_plan(reviewed: Reviewed) -> None:
    project = reviewed.project
    project.write(BASE + SUBNET)
    project.up()
    [vcn] = project.records("vcn")
    vcn.write_text(vcn.read_text().replace('"first"', '"by hand"'))
    [subnet] = project.records("subnet")
    subnet.unlink()
    assert reviewed.run("preview", "--refresh") == 0, reviewed.printed
    assert "`displayName`: `by hand` → `first`" in reviewed.summary
    assert reviewed.run("up", "--refresh") == 0, reviewed.printed
    assert reviewed.run("drift") == 0
    assert project.records("subnet")
