"""The workflows, played through from their own files: a pull request of a fork, a deploy held to its plan, three nights of drift.

The engine is the real one, on providers that take notes (sandbox/rehearsal); GitHub is a server that keeps comments and issues. `.ci/run`,
`make prepare` and the installation of packages take minutes and are not run; that they are there is looked at
(tests/support/workflow_runner.py).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import account, paths
from sandbox.rehearsal import home
from tests.support.github_server import GitHub, serving
from tests.support.secret_search import Needles, files, find_secret, text
from tests.support.stack import ROOT
from tests.support.workflow_repository import Repository, sandbox_home, set_keys
from tests.support.workflow_runner import Event, Run, Setting, run_workflow

FORK = "somebody/containerised-app"
PULL = 7
PASSWORD, TOKEN, PASSPHRASE = "correct-horse-battery", "registry-token-of-the-test", "passphrase-of-the-test"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as server:
        yield server


# --- pull requests -----------------------------------------------------------------------------------------------------------------


def without_local_stacks(folder: Path) -> None:
    """Two stacks are enough, and as real as four."""
    for file in folder.glob("Pulumi.local*.yaml"):
        file.unlink()


class PullRequest:
    """A pull request of a fork: pushes to it, and the two workflows which follow each push."""

    def __init__(self, folder: Path, github: GitHub) -> None:
        self.repository = Repository(folder / "repository", without_local_stacks)
        self.github = github
        environment = {"SANDBOX_HOME": str(sandbox_home(folder / "home"))}
        # Set, and not to be seen by a fork.
        secrets = {"": {"OCI_PRIVATE_KEY": "never-for-a-fork"}}
        self.setting = Setting(self.repository.folder, folder / "runs", github, secrets, {}, environment)
        self.head = ""

    def push(self, change: Any) -> tuple[Run, Run]:
        """The runs of pull-request.yml and of comment.yml."""
        self.head = self.repository.push(PULL, change)
        repository = {"full_name": FORK, "owner": {"login": "somebody"}}
        head = {"sha": self.head, "ref": f"pull-{PULL}", "repo": repository}
        self.github.pulls[PULL] = {"number": PULL, "state": "open", "head": head}
        event = Event("pull_request", f"refs/pull/{PULL}/merge", {"pull_request": {"number": PULL}}, fork=True)
        previews = run_workflow("pull-request", event, self.setting)
        return previews, comment(self.setting, previews, self.head)

    @property
    def comments(self) -> list[str]:
        return [one["body"] for one in self.github.comments.get(PULL, [])]


def comment(setting: Setting, previews: Run, head: str, *, branch: str = f"pull-{PULL}", owner: str = FORK) -> Run:
    """comment.yml after a run of pull-request.yml."""
    payload = {
        "workflow_run": {
            "id": previews.id,
            "event": "pull_request",
            "conclusion": previews.conclusion,
            "head_sha": head,
            "head_branch": branch,
            "head_repository": {"full_name": owner},
            "html_url": f"https://github.com/runs/{previews.id}",
        }
    }
    return run_workflow("comment", Event("workflow_run", "refs/heads/main", payload), setting)


def test_a_pull_request_of_a_fork_has_one_comment_with_every_stack_which_later_pushes_change(
    tmp_path: Path, github: GitHub
) -> None:
    pull = PullRequest(tmp_path, github)

    def smaller_and_elsewhere(folder: Path) -> None:
        set_keys(folder, "dev", ocpus=1)

    previews, told = pull.push(smaller_and_elsewhere)
    assert previews.results == dict.fromkeys(["stacks", "preview (dev)", "preview (oke)"], "success"), previews.log
    assert told.results == {"comment": "success"}, told.log
    (first,) = pull.comments
    assert "<b>dev</b>: changes" in first
    assert re.search(r"jupyterlab-instance.*\n.*ocpus`: `2` → `1`", first)
    assert "<b>oke</b>: nothing changes" in first
    assert "the base branch, describes" in first
    assert "never-for-a-fork" not in previews.log + first

    def wrong_and_without_oke(folder: Path) -> None:
        set_keys(folder, "dev", port=70000)
        (folder / "Pulumi.oke.yaml").unlink()

    previews, told = pull.push(wrong_and_without_oke)
    assert previews.results == {"stacks": "success", "preview (dev)": "failure"}
    assert told.results == {"comment": "success"}, told.log
    (second,) = pull.comments
    assert "**A preview failed**" in second
    assert "<b>dev</b>: the preview failed" in second
    assert "oke" not in second
    assert pull.head[:10] in second


# --- artifacts that lie ------------------------------------------------------------------------------------------------------------


@dataclass
class Forged:
    """A run of pull-request.yml whose code left behind what it liked."""

    setting: Setting
    github: GitHub
    head: str = "a" * 40

    def comment(self, number: str, **summaries: str) -> Run:
        previews = Run(f"forged-{len(self.github.calls)}", {"preview": "success"})
        for name, content in {
            "number": number,
            **{f"{stack}.md": content for stack, content in summaries.items()},
        }.items():
            folder = self.setting.folder / "artifacts" / previews.id / f"preview-{name}"
            folder.mkdir(parents=True)
            (folder / name).write_text(content)
        return comment(self.setting, previews, self.head)

    @property
    def comments(self) -> dict[int, list[str]]:
        return {number: [one["body"] for one in every] for number, every in self.github.comments.items()}


@pytest.fixture
def forged(tmp_path: Path, github: GitHub) -> Forged:
    repository = Repository(tmp_path / "repository")
    known = Forged(Setting(repository.folder, tmp_path / "runs", github), github)
    for number, owner, sha in ((PULL, FORK, known.head), (8, "victim/containerised-app", "b" * 40)):
        head = {"sha": sha, "ref": f"pull-{PULL}", "repo": {"full_name": owner}}
        github.pulls[number] = {"number": number, "state": "open", "head": head}
    return known


SUMMARY = "<!-- review: preview of dev: changes -->\n### Preview of `dev`\n\n**1 created.**\n"


@pytest.mark.parametrize("number", ["8", "999", "7/../8", "", "7\n8", "-7", "0x7"])
def test_an_artifact_that_names_another_pull_request_is_refused(forged: Forged, number: str) -> None:
    run = forged.comment(number, dev=SUMMARY)
    assert run.results == {"comment": "failure"}
    assert forged.comments == {}
    assert {method for method, _ in forged.github.calls} <= {"GET"}


def test_a_summary_can_neither_pretend_to_be_ours_nor_call_people_nor_load_anything(forged: Forged) -> None:
    ours = "<!-- previews of this pull request -->"
    evil = f"{SUMMARY}{ours}\n@everybody ![](https://example.com/x.png) <img src=x> </details><video src=x>\n"
    assert forged.comment("7", dev=evil, oke=f"{ours}\nfree text").results == {"comment": "success"}
    (body,) = forged.comments[PULL]
    assert body.count("<!--") == 1
    assert body.startswith(ours)
    assert "**1 created.**" in body
    assert "free text" not in body
    assert not re.search(r"@everybody|!\[|<img|<video", body)
    assert body.count("</details>") == 1


def test_summaries_of_any_size_and_number_make_one_comment_that_github_takes(forged: Forged) -> None:
    many = {f"stack-{number}": SUMMARY.replace("dev", f"stack-{number}") + "x\n" * 200_000 for number in range(30)}
    assert forged.comment("7", **many).results == {"comment": "success"}
    assert len(forged.comments[PULL]) == 1


def test_a_comment_of_somebody_else_is_never_taken_for_ours(forged: Forged) -> None:
    planted: dict[str, Any] = {
        "id": 1,
        "user": {"login": "somebody"},
        "body": "<!-- previews of this pull request -->\nmine",
    }
    forged.github.comments[PULL] = [planted, *({"id": n, "user": {"login": "x"}, "body": "."} for n in range(2, 250))]
    for _ in range(2):
        assert forged.comment("7", dev=SUMMARY).results == {"comment": "success"}
    assert planted["body"].endswith("mine")
    assert sum("1 created" in body for body in forged.comments[PULL]) == 1


def test_a_run_of_a_commit_that_is_not_the_newest_any_more_leaves_the_comment_alone(forged: Forged) -> None:
    forged.github.pulls[PULL]["head"]["sha"] = "c" * 40
    assert forged.comment("7", dev=SUMMARY).results == {"comment": "success"}
    assert forged.comments == {}


# --- deploys and drift ---------------------------------------------------------------------------------------------------------------


class Team:
    """A team's stack dev: its committed file, its state, and what is set for it at GitHub."""

    def __init__(self, folder: Path, github: GitHub) -> None:
        self.cloud = home.make("workflows")
        self.backend = folder / "backend"
        self.backend.mkdir()
        self.folder = folder
        self.github = github
        self.repository = Repository(folder / "repository", self._prepare)
        machine = {
            "PULUMI_HOME": str(self.cloud / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "SANDBOX_HOME": str(paths.HOME),
        }
        self.needles = Needles(
            {
                "password": PASSWORD,
                "token": TOKEN,
                "passphrase": PASSPHRASE,
                "SSH key": account.SSH_KEY.read_text().splitlines()[1],
                "API key": account.API_KEY.read_text().splitlines()[1],
            }
        )
        secrets = {
            "OCI_PRIVATE_KEY": account.API_KEY.read_text(),
            "SSH_PRIVATE_KEY": account.SSH_KEY.read_text(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        }
        # As the console tells them.
        variables = {
            "OCI_REGION": paths.REGION,
            "OCI_TENANCY": paths.TENANCY_OCID,
            "OCI_USER": paths.USER_OCID,
            "OCI_FINGERPRINT": account.api_fingerprint(),
        }
        self.setting = Setting(
            self.repository.folder,
            folder / "runs",
            github,
            {"dev": secrets, "dev-read": secrets},
            {
                "": {"PULUMI_BACKEND_URL": f"file://{self.backend}", "DEPLOYED_STACKS": '["dev"]', "MAIN_STACK": ""},
                "dev": variables,
                "dev-read": variables,
            },
            machine,
        )

    def pulumi(self, folder: Path, *args: str, stdin: str | None = None) -> str:
        """What somebody does from their own machine."""
        own = self.folder / "home-of-somebody"
        if not own.exists():
            (own / ".ssh").mkdir(parents=True)
            shutil.copy(account.SSH_KEY, own / ".ssh")
        environment = {
            **os.environ,
            "PULUMI_HOME": str(self.cloud / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "HOME": str(own),
        }
        done = subprocess.run(
            ["pulumi", *args, "--stack", "dev", "--non-interactive"],
            cwd=folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _prepare(self, folder: Path) -> None:
        without_local_stacks(folder)
        set_keys(folder, "dev", compartmentId=paths.TENANCY_OCID, sshNetworks=["203.0.113.7/32"])
        document = yaml.safe_load((folder / "Pulumi.dev.yaml").read_text())
        account_of_team = {"region": paths.REGION, "tenancyOcid": paths.TENANCY_OCID, "userOcid": paths.USER_OCID}
        document["config"] |= {f"oci:{key}": value for key, value in account_of_team.items()}
        (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(document))
        self.pulumi(folder, "stack", "init")
        self.pulumi(folder, "config", "set", "--secret", "password", stdin=PASSWORD)
        self.pulumi(folder, "config", "set", "--secret", "registryToken", stdin=TOKEN)

    def resources(self) -> dict[str, dict[str, Any]]:
        """What is in the state, by name."""
        exported = json.loads(self.pulumi(self.repository.folder, "stack", "export"))
        return {one["urn"].split("::")[-1]: one for one in exported["deployment"].get("resources", []) if one.get("id")}

    def record(self, kind: str, **wanted: Any) -> Path:
        """The file of a resource of the cloud."""
        for file in (self.cloud / "cloud" / "resources" / kind).glob("*.json"):
            properties = json.loads(file.read_text())["properties"]
            if all(properties.get(key) == value for key, value in wanted.items()):
                return file
        raise AssertionError(f"no {kind} with {wanted}")

    def found_secrets(self, *runs: Run) -> list[str]:
        """Where a secret is in what anybody sees."""
        told = [text(f"log of {label}", log) for run in runs for label, log in run.logs.items()]
        told += [text(f"summary of {label}", summary) for run in runs for label, summary in run.summaries.items()]
        return find_secret([*told, *files(self.setting.folder / "artifacts")], self.needles)

    def left_over(self) -> list[Path]:
        """Files of the account which a job has left on its machine."""
        return [file for file in self.setting.folder.rglob("home/.[os]*/*") if file.is_file()]


@pytest.fixture
def team(tmp_path: Path, github: GitHub) -> Team:
    return Team(tmp_path, github)


def test_what_was_reviewed_is_done_and_nothing_once_the_world_has_moved_and_drift_has_an_issue(team: Team) -> None:
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

    # Somebody else is quicker than the reviewer.
    set_keys(team.repository.folder, "dev", ocpus=1)
    team.repository.commit("smaller")
    team.setting.variables[""]["MAIN_STACK"] = "dev"

    def somebody_else() -> None:
        set_keys(team.repository.folder, "dev", ocpus=2, memoryInGbs=6)
        team.pulumi(team.repository.folder, "up", "--yes", "--skip-preview")

    second = run_workflow("deploy", Event("push", "refs/heads/main"), team.setting, {"up": somebody_else})
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
    """What drift.yml does, night for night, of the stack that was deployed."""

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
    kept = rule.read_text()
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
    assert "jupyterlab-data" in issues[issue["number"]]["body"]
    rule.write_text(kept)
    of_volume["properties"]["displayName"] = json.loads(kept)["properties"].get("displayName", "dev-data")
    volume.write_text(json.dumps(of_volume))
    team.pulumi(team.repository.folder, "up", "--yes", "--skip-preview", "--refresh")
    night()
    assert issues[issue["number"]]["state"] == "closed"


def test_the_steps_of_the_build_specification_preview_and_then_do_what_was_planned(team: Team, tmp_path: Path) -> None:
    """All but `test` (a container) and `pulumi` (a download). As there, a step is a script in bash on the checkout."""
    steps = {step["name"]: step["command"] for step in yaml.safe_load((ROOT / "build_spec.yaml").read_text())["steps"]}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "STACK": "dev",
        "PULUMI_BACKEND_URL": f"file://{team.backend}",
        **team.setting.environment,
        **team.setting.secrets["dev"],
        **team.setting.variables["dev"],
    }
    (tmp_path / "home").mkdir()
    printed = []

    def run(name: str, **more: str) -> str:
        command = ["bash", "-e", "-c", steps[name]]
        done = subprocess.run(
            command, cwd=team.repository.folder, env={**environment, **more}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert [file for file in (tmp_path / "home").rglob(".[os]*/*") if file.is_file()] == []
        printed.append(text(name, done.stdout + done.stderr))
        return done.stdout

    assert "jupyterlab-instance" in run("preview")
    assert "nothing is done" in run("up")
    assert team.resources() == {}
    run("up", UP="yes")
    assert "jupyterlab-instance" in team.resources()
    printed += [text(name, (team.repository.folder / name).read_text()) for name in ("plan.json", "summary.md")]
    assert find_secret(printed, team.needles) == []


def test_a_deploy_of_another_branch_does_nothing(team: Team) -> None:
    event = Event("workflow_dispatch", "refs/heads/feature", inputs={"stack": "dev"})
    assert run_workflow("deploy", event, team.setting).results == {"plan": "skipped", "up": "skipped"}


def test_a_deploy_without_an_account_says_what_is_to_be_set(team: Team) -> None:
    team.setting.variables["dev-read"] = {}
    run = run_workflow("deploy", Event("workflow_dispatch", "refs/heads/main", inputs={"stack": "dev"}), team.setting)
    assert run.results == {"plan": "failure", "up": "skipped"}
    assert "OCI_REGION is not set: see docs/ci.md" in run.log
