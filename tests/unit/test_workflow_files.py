"""Checks of the workflows, their scripts, the build specification and their documentation, without a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import home_folder
from tests.support.workflow_runner import WORKFLOWS
from tests.unit.conftest import ROOT

FILES = sorted(WORKFLOWS.glob("*.yml"))
DOCS = (ROOT / "docs" / "ci.md").read_text()


def workflow(file: Path) -> dict[str, Any]:
    return {str(key): value for key, value in yaml.safe_load(file.read_text()).items()}


def jobs() -> list[Any]:
    return [
        pytest.param(job, id=f"{file.stem}-{name}") for file in FILES for name, job in workflow(file)["jobs"].items()
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_action_is_pinned_by_commit_with_its_version_as_comment(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    for line in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_workflow_has_no_default_permission_and_a_fork_only_reads(file: Path) -> None:
    found = workflow(file)
    assert found["permissions"] == {}
    triggers = found["True"]
    assert "pull_request_target" not in triggers
    if "pull_request" in triggers:
        assert {level for job in found["jobs"].values() for level in job["permissions"].values()} == {"read"}
        assert "secrets." not in file.read_text()


@pytest.mark.parametrize("job", jobs())
def test_job_that_can_write_has_no_secret_and_runs_only_our_scripts(job: dict[str, Any]) -> None:
    if "write" in job["permissions"].values():
        assert "secrets." not in json.dumps(job)
        scripts = [step["run"] for step in job["steps"] if "run" in step]
        assert all(re.match(r"python3 \.github/scripts/\w+\.py ", script) for script in scripts)


@pytest.mark.parametrize("job", jobs())
def test_secrets_belong_to_an_environment_and_to_single_steps(job: dict[str, Any]) -> None:
    if "secrets." in json.dumps(job):
        assert job.get("environment")
        rest = {**job, "steps": [{**step, "env": {}} for step in job["steps"]]}
        assert "secrets." not in json.dumps(rest)


def test_ssh_key_is_given_only_to_jobs_that_run_the_program() -> None:
    given = {
        f"{file.stem}-{name}"
        for file in FILES
        for name, job in workflow(file)["jobs"].items()
        if "secrets.SSH_PRIVATE_KEY" in json.dumps(job)
    }
    assert given == {"deploy-plan", "deploy-up"}


def test_deploy_is_never_cancelled_by_another_one() -> None:
    deploy = workflow(WORKFLOWS / "deploy.yml")
    assert deploy["concurrency"]["cancel-in-progress"] is False
    assert "inputs.stack" in deploy["concurrency"]["group"]


def test_every_make_target_in_the_workflows_exists() -> None:
    text = "\n".join(file.read_text() for file in [*FILES, ROOT / "operations/build_spec.yaml"])
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    called = set(re.findall(r"\bmake (?:--silent )?([a-z-]+)", text))
    assert called >= {"preview", "up", "drift", "prepare", "base-state", "stacks"}
    for target in called:
        dry = ["make", "--dry-run", target, "STACK=dev", "BASE=."]
        assert subprocess.run(dry, cwd=ROOT, capture_output=True).returncode == 0, target


def test_stacks_are_those_with_a_committed_file() -> None:
    printed = subprocess.run(["make", "--silent", "stacks"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert {"dev", "oke"} <= set(json.loads(printed.stdout))


# --- documentation -------------------------------------------------------------------------------------------------------------------


def made_types() -> set[str]:
    """Return the types of Oracle's provider that the components create, as `core.Vcn`."""
    source = "\n".join(file.read_text() for file in (ROOT / "components").rglob("*.py"))
    return {
        f"{service}.{name}"
        for service, name in re.findall(r"\boci\.(\w+)\.([A-Z]\w+)\(", source)
        if not name.endswith("Args")
    }


def test_documentation_has_the_rights_for_each_resource_type() -> None:
    table = DOCS[DOCS.index("| the program makes") :]
    assert len(made_types()) > 10
    assert made_types() == set(re.findall(r"`((?:core|artifacts|containerengine)\.\w+)`", table))
    for family in set(re.findall(r"`([a-z-]+-family|repos)`", table)):
        for group in ("app-deploy to manage", "app-read to (read|use)"):
            assert re.search(rf"Allow group {group} {family} in compartment", DOCS), (group, family)


def test_documentation_names_exactly_the_secrets_and_variables() -> None:
    text = "\n".join(file.read_text() for file in FILES)
    used = set(re.findall(r"(?:secrets|vars)\.(\w+)", text))
    documented = set(
        re.findall(r"`([A-Z][A-Z_]+)`", DOCS[DOCS.index("## What to set") : DOCS.index("## Least privilege")])
    )
    assert used == documented


# --- the build specification ---------------------------------------------------------------------------------------------------------

BUILD: dict[str, Any] = yaml.safe_load((ROOT / "operations/build_spec.yaml").read_text())


def test_build_specification_has_only_keys_of_oracles_format() -> None:
    """Source: OCI DevOps, "Build Specification"; Oracle publishes no schema."""
    assert BUILD["version"] == 0.1
    assert BUILD["component"] == "build"
    allowed = {"version", "component", "timeoutInSeconds", "shell", "failImmediatelyOnError", "env", "inputArtifacts"}
    assert set(BUILD) <= allowed | {"steps", "outputArtifacts"}
    assert set(BUILD["env"]) <= {"variables", "vaultVariables", "exportedVariables"}
    for step in BUILD["steps"]:
        assert step["type"] == "Command"
        assert set(step) <= {
            "type",
            "name",
            "command",
            "shell",
            "timeoutInSeconds",
            "failImmediatelyOnError",
            "onFailure",
        }
    assert all(value.startswith("ocid1.vaultsecret.") for value in BUILD["env"]["vaultVariables"].values())
    assert [step["name"] for step in BUILD["steps"]] == ["test", "pulumi", "builder", "preview", "up"]


@pytest.mark.parametrize("step", BUILD["steps"], ids=lambda step: step["name"])
def test_step_of_the_build_specification_passes_shellcheck(step: dict[str, Any]) -> None:
    command = [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash", "-"]
    checked = subprocess.run(command, input=step["command"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("step", "programs"), [("test", [".ci/in-debian"]), ("pulumi", ["curl", "pulumi", "venv/bin/pip"])]
)
def test_build_specification_installs_and_tests_without_secrets(step: str, programs: list[str], tmp_path: Path) -> None:
    for name in programs:
        program = tmp_path / (name if "/" in name else f"home/.pulumi/bin/{name}")
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\necho ran {name} >&2\nenv >&2\n")
        program.chmod(0o755)
    secrets = dict.fromkeys(BUILD["env"]["vaultVariables"], "of the vault")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **BUILD["env"]["variables"], **secrets}
    [command] = [one["command"] for one in BUILD["steps"] if one["name"] == step]
    done = subprocess.run(
        ["bash", "-e", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert [line.removeprefix("ran ") for line in done.stderr.splitlines() if line.startswith("ran ")] == programs
    assert "of the vault" not in done.stderr


def test_build_specification_installs_the_engine_of_the_workflows() -> None:
    versions = {
        step["with"]["pulumi-version"]
        for file in FILES
        for job in workflow(file)["jobs"].values()
        for step in job["steps"]
        if "pulumi/actions" in step.get("uses", "")
    }
    assert versions == {BUILD["env"]["variables"]["PULUMI_VERSION"]}


# --- scripts ---


ACCOUNT = ROOT / ".github" / "scripts" / "account"
VARIABLES = {"OCI_REGION": "r", "OCI_TENANCY": "t", "OCI_USER": "u", "OCI_FINGERPRINT": "f", "OCI_PRIVATE_KEY": "key"}


def run_account(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a machine with this home folder."""
    environment = {**home_folder.environment(home), **VARIABLES, **more}
    return subprocess.run([ACCOUNT, *words], env=environment, capture_output=True, text=True, check=False)


def account(home: Path, *words: str, **more: str) -> int:
    """Return the exit code of the script."""
    return run_account(home, *words, **more).returncode


def test_account_of_a_job_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    own = tmp_path / ".ssh" / "id_ed25519"
    own.write_text("of the machine's own user")
    assert account(tmp_path, SSH_PRIVATE_KEY="of the job") == 1
    assert account(tmp_path, "--remove") == 0
    assert own.read_text() == "of the machine's own user"
    own.unlink()
    assert account(tmp_path, SSH_PRIVATE_KEY="of the job") == 0
    assert own.read_text() == "of the job\n"
    assert account(tmp_path, "--remove") == 0
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_account_is_in_the_home_folder_of_the_password_database(tmp_path: Path) -> None:
    """A job in a container has another HOME than the password database."""
    (tmp_path / "getent").write_text(f"#!/bin/sh\necho user:x:0:0::{tmp_path}/own:/bin/sh\n")
    (tmp_path / "getent").chmod(0o755)
    where = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert account(tmp_path / "other", SSH_PRIVATE_KEY="key", **where) == 0
    assert f"key_file={tmp_path}/own/.oci/key.pem" in (tmp_path / "own" / ".oci" / "config").read_text()
    assert (tmp_path / "other" / ".ssh" / "id_ed25519").exists()


def test_job_never_removes_the_account_of_another_job(tmp_path: Path) -> None:
    """Two runners of one user: the second job fails with the fix, and removes nothing."""
    home, first, second = (tmp_path / name for name in ("home", "first", "second"))
    for folder in (home, first, second):
        folder.mkdir()
    assert account(home, RUNNER_TEMP=str(first)) == 0
    refused = run_account(home, RUNNER_TEMP=str(second))
    assert refused.returncode == 1
    assert "/.oci/config exists already" in refused.stderr
    assert "run this one again after it" in refused.stderr
    assert account(home, "--remove", RUNNER_TEMP=str(second)) == 0
    assert sorted(file.name for file in (home / ".oci").iterdir()) == ["config", "key.pem"]
    assert account(home, "--remove", RUNNER_TEMP=str(first)) == 0
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_ssh_key_of_the_machine_stays_for_a_job_without_one(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    own = tmp_path / ".ssh" / "id_ed25519"
    own.write_text("of the machine's own user")
    assert account(tmp_path) == 0
    assert account(tmp_path, "--remove") == 0
    assert own.read_text() == "of the machine's own user"
