"""What holds of the workflows, the build specification and their documentation without running them."""

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

from operations.review.summary import FOLD
from tests.support import home_folder
from tests.support.workflow_actions import UnknownActionError, use
from tests.support.workflow_expressions import UnknownExpressionError, evaluate, insert
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
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    for line in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_has_no_right_that_a_job_does_not_ask_for_and_no_run_of_a_fork_may_write(file: Path) -> None:
    found = workflow(file)
    assert found["permissions"] == {}
    triggers = found["True"]
    assert "pull_request_target" not in triggers
    if "pull_request" in triggers:
        assert {level for job in found["jobs"].values() for level in job["permissions"].values()} == {"read"}
        assert "secrets." not in file.read_text()


@pytest.mark.parametrize("job", jobs())
def test_a_job_with_a_right_to_write_has_no_secret_and_runs_none_but_our_own_scripts(job: dict[str, Any]) -> None:
    if "write" in job["permissions"].values():
        assert "secrets." not in json.dumps(job)
        scripts = [step["run"] for step in job["steps"] if "run" in step]
        assert all(re.match(r"python3 \.github/scripts/\w+\.py ", script) for script in scripts)


@pytest.mark.parametrize("job", jobs())
def test_secrets_are_of_an_environment_and_of_the_steps_that_need_them(job: dict[str, Any]) -> None:
    if "secrets." in json.dumps(job):
        assert job.get("environment")
        rest = {**job, "steps": [{**step, "env": {}} for step in job["steps"]]}
        assert "secrets." not in json.dumps(rest)


def test_the_ssh_key_is_given_to_the_jobs_that_run_the_program_and_to_no_other() -> None:
    given = {
        f"{file.stem}-{name}"
        for file in FILES
        for name, job in workflow(file)["jobs"].items()
        if "secrets.SSH_PRIVATE_KEY" in json.dumps(job)
    }
    assert given == {"deploy-plan", "deploy-up"}


def test_a_deploy_and_what_it_makes_are_never_ended_by_another_one() -> None:
    deploy = workflow(WORKFLOWS / "deploy.yml")
    assert deploy["concurrency"]["cancel-in-progress"] is False
    assert "inputs.stack" in deploy["concurrency"]["group"]


def test_every_make_target_that_is_called_is_there() -> None:
    text = "\n".join(file.read_text() for file in [*FILES, ROOT / "operations/build_spec.yaml"])
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    called = set(re.findall(r"\bmake (?:--silent )?([a-z-]+)", text))
    assert called >= {"preview", "up", "drift", "prepare", "base-state", "stacks"}
    for target in called:
        dry = ["make", "--dry-run", target, "STACK=dev", "BASE=."]
        assert subprocess.run(dry, cwd=ROOT, capture_output=True).returncode == 0, target


def test_the_stacks_are_those_with_a_committed_file() -> None:
    printed = subprocess.run(["make", "--silent", "stacks"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert {"dev", "oke"} <= set(json.loads(printed.stdout))


# --- documentation -------------------------------------------------------------------------------------------------------------------


def made_types() -> set[str]:
    """The resource types of Oracle's provider that the components make, as `core.Vcn`."""
    source = "\n".join(file.read_text() for file in (ROOT / "components").rglob("*.py"))
    return {
        f"{service}.{name}"
        for service, name in re.findall(r"\boci\.(\w+)\.([A-Z]\w+)\(", source)
        if not name.endswith("Args")
    }


def test_the_documentation_has_the_rights_for_each_resource_type_that_the_program_makes() -> None:
    table = DOCS[DOCS.index("| the program makes") :]
    assert len(made_types()) > 10
    assert made_types() == set(re.findall(r"`((?:core|artifacts|containerengine)\.\w+)`", table))
    for family in set(re.findall(r"`([a-z-]+-family|repos)`", table)):
        for group in ("app-deploy to manage", "app-read to (read|use)"):
            assert re.search(rf"Allow group {group} {family} in compartment", DOCS), (group, family)


def test_the_documentation_names_each_secret_and_variable_and_no_other() -> None:
    text = "\n".join(file.read_text() for file in FILES)
    used = set(re.findall(r"(?:secrets|vars)\.(\w+)", text))
    told = set(re.findall(r"`([A-Z][A-Z_]+)`", DOCS[DOCS.index("## What to set") : DOCS.index("## Least privilege")]))
    assert used == told


# --- the build specification ---------------------------------------------------------------------------------------------------------

BUILD: dict[str, Any] = yaml.safe_load((ROOT / "operations/build_spec.yaml").read_text())


def test_the_build_specification_has_the_keys_of_oracle_s_format_and_no_other() -> None:
    """As documented, "Build Specification" of OCI DevOps; there is no schema."""
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
def test_each_step_of_the_build_specification_is_a_script_that_shellcheck_passes(step: dict[str, Any]) -> None:
    command = [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash", "-"]
    checked = subprocess.run(command, input=step["command"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("step", "programs"), [("test", [".ci/in-debian"]), ("pulumi", ["curl", "pulumi", "venv/bin/pip"])]
)
def test_what_the_build_specification_installs_and_tests_sees_no_secret(
    step: str, programs: list[str], tmp_path: Path
) -> None:
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


def test_the_build_specification_installs_the_engine_that_the_workflows_do() -> None:
    versions = {
        step["with"]["pulumi-version"]
        for file in FILES
        for job in workflow(file)["jobs"].values()
        for step in job["steps"]
        if "pulumi/actions" in step.get("uses", "")
    }
    assert versions == {BUILD["env"]["variables"]["PULUMI_VERSION"]}


# --- the runner of the tests -----------------------------------------------------------------------------------------------------------

CONTEXTS: dict[str, Any] = {"vars": {"A": "x"}, "inputs": {}, "github": {"ref": "refs/heads/main", "event": {"n": 7}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("github.event.n", 7),
        ("inputs.stack || vars.A", "x"),
        ("inputs.stack || vars.B", ""),
        ("github.ref == 'refs/heads/main' && (inputs.stack || vars.A) != ''", True),
        ("!cancelled() && vars.A == 'X'", True),
        ("fromJSON('[1, 2]')", [1, 2]),
        ("'it''s'", "it's"),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(text: str, value: object) -> None:
    assert evaluate(text, CONTEXTS, {"cancelled": False}) == value


@pytest.mark.parametrize(
    "text", ["github.event.m", "runner.os", "hashFiles('x')", "1 +", "vars.A > 3", "vars.A vars.A"]
)
def test_what_the_runner_does_not_know_is_an_error_and_not_left_out(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        evaluate(text, CONTEXTS, {})


def test_an_expression_in_a_text_is_put_into_it() -> None:
    assert insert("a ${{ vars.A }} b ${{ github.event.n }}", CONTEXTS, {}) == "a x b 7"


def test_an_action_which_nothing_stands_in_for_is_an_error() -> None:
    with pytest.raises(UnknownActionError):
        use(f"actions/setup-python@{'0' * 40}", {}, None)  # type: ignore[arg-type]
    with pytest.raises(UnknownActionError):
        use("actions/checkout@v4", {}, None)  # type: ignore[arg-type]


def test_a_comment_knows_the_fold_of_a_summary() -> None:
    assert f'"{FOLD}"' in (ROOT / ".github" / "scripts" / "comment.py").read_text()


ACCOUNT = ROOT / ".github" / "scripts" / "account"
OF_ACCOUNT = {"OCI_REGION": "r", "OCI_TENANCY": "t", "OCI_USER": "u", "OCI_FINGERPRINT": "f", "OCI_PRIVATE_KEY": "key"}


def run_account(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The script on a machine with this home."""
    environment = {**home_folder.environment(home), **OF_ACCOUNT, **more}
    return subprocess.run([ACCOUNT, *words], env=environment, capture_output=True, text=True, check=False)


def account(home: Path, *words: str, **more: str) -> int:
    """Its exit code."""
    return run_account(home, *words, **more).returncode


def test_the_account_of_a_job_is_taken_back_and_nothing_else(tmp_path: Path) -> None:
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


def test_account_of_a_job_lies_in_the_password_databases_home_folder(tmp_path: Path) -> None:
    """As in a job in a container, whose HOME is not that of the password database."""
    (tmp_path / "getent").write_text(f"#!/bin/sh\necho user:x:0:0::{tmp_path}/own:/bin/sh\n")
    (tmp_path / "getent").chmod(0o755)
    where = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert account(tmp_path / "other", SSH_PRIVATE_KEY="key", **where) == 0
    assert f"key_file={tmp_path}/own/.oci/key.pem" in (tmp_path / "own" / ".oci" / "config").read_text()
    assert (tmp_path / "other" / ".ssh" / "id_ed25519").exists()


def test_a_job_never_takes_the_account_of_another_one_from_it(tmp_path: Path) -> None:
    """Two runners of one user: the second job is refused, which it is told how to mend, and takes back what it has written: nothing."""
    home, first, second = (tmp_path / name for name in ("home", "first", "second"))
    for folder in (home, first, second):
        folder.mkdir()
    assert account(home, RUNNER_TEMP=str(first)) == 0
    refused = run_account(home, RUNNER_TEMP=str(second))
    assert refused.returncode == 1
    assert "/.oci/config is there already" in refused.stderr
    assert "run this one again after it" in refused.stderr
    assert account(home, "--remove", RUNNER_TEMP=str(second)) == 0
    assert sorted(file.name for file in (home / ".oci").iterdir()) == ["config", "key.pem"]
    assert account(home, "--remove", RUNNER_TEMP=str(first)) == 0
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_an_ssh_key_of_the_machine_is_in_the_way_of_those_jobs_alone_which_bring_one(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    own = tmp_path / ".ssh" / "id_ed25519"
    own.write_text("of the machine's own user")
    assert account(tmp_path) == 0
    assert account(tmp_path, "--remove") == 0
    assert own.read_text() == "of the machine's own user"
