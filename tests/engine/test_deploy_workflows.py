"""The workflows with an account, run from their own files: a deploy from its plan, three nights of drift.

The engine is real, on providers without machines (sandbox/dry_run). GitHub is a server that keeps comments and issues. `.ci/run`,
`make prepare` and the installation of packages take minutes and are not run (tests/support/workflow_runner.py).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import home_folder
from tests.support.github_server import GitHub
from tests.support.secret_search import find_secret, text
from tests.support.stack import ROOT
from tests.support.workflow_repository import set_keys
from tests.support.workflow_runner import Event, Run, run_workflow
from tests.support.workflow_team import Team


@pytest.fixture
def team(tmp_path: Path, github: GitHub) -> Team:
    return Team(tmp_path, github)


def test_deploy_does_what_was_reviewed_and_drift_opens_an_issue(team: Team) -> None:
    by_hand = Event("workflow_dispatch", "refs/heads/main", inputs={"stack": "dev"})
    empty: dict[str, Any] = {}
    reviewed: dict[str, Any] = {}
    first = run_workflow("deploy", by_hand, team.setting, {"up": lambda: reviewed.update(team.resources())})
    assert first.results == {"plan": "success", "up": "success"}, first.log
    assert reviewed == empty, "something was done before the review"
    assert "jupyterlab-instance" in first.summaries["plan"]
    assert team.resources()["jupyterlab-instance"]["inputs"]["shapeConfig"]["ocpus"] == 2
    assert team.left_over() == []
    assert team.found_secrets(first) == []

    # Another deployment happens before the review.
    set_keys(team.repository.folder, "dev", ocpus=1)
    team.repository.commit("smaller")
    team.setting.variables[""]["MAIN_STACK"] = "dev"

    def other_deployment() -> None:
        set_keys(team.repository.folder, "dev", ocpus=2, memoryInGbs=6)
        team.pulumi(team.repository.folder, "up", "--yes", "--skip-preview")

    second = run_workflow("deploy", Event("push", "refs/heads/main"), team.setting, {"up": other_deployment})
    assert second.results == {"plan": "success", "up": "failure"}, second.log
    assert "Nothing was done" in second.logs["up"]
    assert team.resources()["jupyterlab-instance"]["inputs"]["shapeConfig"] == {
        **team.resources()["jupyterlab-instance"]["inputs"]["shapeConfig"],
        "ocpus": 2,
        "memoryInGbs": 6,
    }
    assert team.left_over() == []
    assert team.found_secrets(first, second) == []
    team.repository.commit("as it is")
    nights(team)


def nights(team: Team) -> None:
    """Run drift.yml on the deployed stack, night after night."""

    def night() -> Run:
        run = run_workflow("drift", Event("schedule", "refs/heads/main"), team.setting)
        assert run.results == {"drift (dev)": "success", "issue (dev)": "success"}, run.log
        assert team.found_secrets(run) == []
        assert team.left_over() == []
        return run

    issues = team.github.issues
    night()
    assert issues == {}
    rule = team.record("securityrule", direction="INGRESS")
    rule.unlink()
    night()
    (issue,) = issues.values()
    assert issue["title"] == "Drift: the stack dev"
    assert "jupyterlab-ssh-from-203.0.113.7-32" in issue["body"]
    volume = team.record("volume")
    of_volume = json.loads(volume.read_text())
    of_volume["properties"]["displayName"] = "renamed by hand"
    volume.write_text(json.dumps(of_volume))
    night()
    assert list(issues) == [issue["number"]]
    body = issues[issue["number"]]["body"]
    assert "jupyterlab-data" in body
    assert "make up STACK=dev PULUMI=pulumi ARGS=--refresh" in body
    repair = Event("workflow_dispatch", "refs/heads/main", inputs={"stack": "dev", "refresh": True})
    repaired = run_workflow("deploy", repair, team.setting)
    assert repaired.results == {"plan": "success", "up": "success"}, repaired.log
    assert "renamed by hand" in repaired.summaries["plan"]
    assert "jupyterlab-ssh-from-203.0.113.7-32" in repaired.summaries["plan"]
    night()
    assert issues[issue["number"]]["state"] == "closed"


def test_build_specification_previews_and_deploys_with_a_builder(team: Team, tmp_path: Path) -> None:
    """All steps except `test` (a container) and `pulumi` (a download), each as a bash script on the checkout."""
    specification = yaml.safe_load((ROOT / "operations/build_spec.yaml").read_text())
    steps = {step["name"]: step["command"] for step in specification["steps"]}
    environment = {
        **home_folder.environment(tmp_path / "home"),
        "STACK": "dev",
        "PULUMI_BACKEND_URL": f"file://{team.backend}",
        **team.setting.environment,
        **team.setting.secrets["dev"],
        **team.setting.variables["dev"],
    }
    (tmp_path / "home").mkdir()
    printed = []

    def run(name: str, code: int = 0, **more: str) -> str:
        command = ["bash", "-e", "-c", steps[name]]
        done = subprocess.run(
            command, cwd=team.repository.folder, env={**environment, **more}, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert [file for file in (tmp_path / "home").rglob(".[os]*/*") if file.is_file()] == []
        printed.append(text(name, done.stdout + done.stderr))
        return done.stdout + done.stderr

    assert "no builder is needed" in run("builder")
    assert "jupyterlab-instance" in run("preview")
    assert "nothing is done" in run("up")
    assert team.resources() == {}
    assert "no builder '' (key builder of the stack dev)" in run("builder", 1, UP="yes")
    set_keys(team.repository.folder, "dev", builder="elsewhere")
    assert "no builder 'elsewhere'" in run("builder", 1, UP="yes")
    instances = tmp_path / "home" / ".docker" / "buildx" / "instances"
    instances.mkdir(parents=True)
    (instances / "elsewhere").touch()
    assert run("builder", UP="yes") == ""
    run("preview", UP="yes")
    run("up", UP="yes")
    assert "jupyterlab-instance" in team.resources()
    printed += [text(name, (team.repository.folder / name).read_text()) for name in ("plan.json", "summary.md")]
    assert find_secret(printed, team.needles) == []


def test_plan_of_the_reader_is_refused_without_registry_username(team: Team) -> None:
    file = team.repository.folder / "Pulumi.dev.yaml"
    document = yaml.safe_load(file.read_text())
    del document["config"]["containerised-app:registryUsername"]
    file.write_text(yaml.safe_dump(document))
    team.repository.commit("without registryUsername")
    by_hand = Event("workflow_dispatch", "refs/heads/main", inputs={"stack": "dev"})
    run = run_workflow("deploy", by_hand, team.setting)
    assert run.results == {"plan": "success", "up": "failure"}, run.log
    assert "containerised-app:registry:Registry jupyterlab create error" in run.logs["up"]
    assert "Nothing was done" in run.logs["up"]
    assert team.resources() == {}


def test_deploy_of_another_branch_does_nothing(team: Team) -> None:
    event = Event("workflow_dispatch", "refs/heads/feature", inputs={"stack": "dev"})
    assert run_workflow("deploy", event, team.setting).results == {"plan": "skipped", "up": "skipped"}


def test_deploy_without_an_account_names_the_missing_variables(team: Team) -> None:
    team.setting.variables["dev-read"] = {}
    run = run_workflow("deploy", Event("workflow_dispatch", "refs/heads/main", inputs={"stack": "dev"}), team.setting)
    assert run.results == {"plan": "failure", "up": "skipped"}
    assert "OCI_REGION is not set: docs/ci.md" in run.log
