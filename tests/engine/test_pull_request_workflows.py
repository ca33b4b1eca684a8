"""The workflows of a pull request, run from their own files: previews without secrets, and one comment.

The engine is real, on providers without machines (sandbox/dry_run). GitHub is a server that keeps comments and issues. `.ci/run`,
`make prepare` and the installation of packages take minutes and are not run (tests/support/workflow_runner.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.github_server import GitHub
from tests.support.workflow_repository import Repository, sandbox_home, set_keys, without_local_stacks
from tests.support.workflow_runner import Event, Run, Setting, run_workflow

FORK = "somebody/containerised-app"
PULL = 7


# --- pull requests ---


class PullRequest:
    """A pull request of a fork, with the two workflows that follow each push."""

    def __init__(self, folder: Path, github: GitHub) -> None:
        self.repository = Repository(folder / "repository", without_local_stacks)
        self.github = github
        environment = {"SANDBOX_HOME": str(sandbox_home(folder / "home"))}
        # A fork must not see it.
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


def test_pull_request_of_a_fork_has_one_comment_that_pushes_update(tmp_path: Path, github: GitHub) -> None:
    pull = PullRequest(tmp_path, github)

    def smaller_and_elsewhere(folder: Path) -> None:
        set_keys(folder, "dev", ocpus=1)

    previews, commented = pull.push(smaller_and_elsewhere)
    assert previews.results == dict.fromkeys(["stacks", "preview (dev)", "preview (oke)"], "success"), previews.log
    assert commented.results == {"comment": "success"}, commented.log
    (first,) = pull.comments
    assert "<b>dev</b>: changes" in first
    assert re.search(r"jupyterlab-instance.*\n.*ocpus`: `2` → `1`", first)
    assert "<b>oke</b>: nothing changes" in first
    assert "the state that the base branch (" in first
    assert "never-for-a-fork" not in previews.log + first

    def wrong_and_without_oke(folder: Path) -> None:
        set_keys(folder, "dev", port=70000)
        (folder / "Pulumi.oke.yaml").unlink()

    previews, commented = pull.push(wrong_and_without_oke)
    assert previews.results == {"stacks": "success", "preview (dev)": "failure"}
    assert commented.results == {"comment": "success"}, commented.log
    (second,) = pull.comments
    assert "**A preview failed**" in second
    assert "<b>dev</b>: the preview failed" in second
    assert "oke" not in second
    assert pull.head[:10] in second


# --- forged artifacts ---


@dataclass
class Forged:
    """A run of pull-request.yml with a forged artifact."""

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
def test_artifact_with_the_number_of_another_pull_request_is_refused(forged: Forged, number: str) -> None:
    run = forged.comment(number, dev=SUMMARY)
    assert run.results == {"comment": "failure"}
    assert forged.comments == {}
    assert {method for method, _ in forged.github.calls} <= {"GET"}


def test_summary_cannot_forge_our_marker_or_mention_people_or_load_images(forged: Forged) -> None:
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


def test_cut_summary_leaves_folds_and_code_blocks_closed(forged: Forged) -> None:
    fold = "<details><summary>What is created, with its properties</summary>"
    folded = f"{SUMMARY}\n{fold}\n\n- x </details> @me\n\n</details>\n"
    long = f"{SUMMARY.replace('dev', 'oke')}\n```text\n" + "x\n" * 200_000 + "```\n"
    assert forged.comment("7", dev=folded, oke=long).results == {"comment": "success"}
    (body,) = forged.comments[PULL]
    assert fold in body
    # One for each stack, and the fold; the forged one has no effect.
    assert body.count("</details>") == 3
    assert len(re.findall(r"^```", body, flags=re.MULTILINE)) == 2
    assert "The rest is left out" in body


def test_summaries_of_any_size_fit_into_one_comment(forged: Forged) -> None:
    many = {f"stack-{number}": SUMMARY.replace("dev", f"stack-{number}") + "x\n" * 200_000 for number in range(30)}
    assert forged.comment("7", **many).results == {"comment": "success"}
    assert len(forged.comments[PULL]) == 1


def test_comment_of_another_author_is_never_updated(forged: Forged) -> None:
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


def test_run_of_an_older_commit_does_not_change_the_comment(forged: Forged) -> None:
    forged.github.pulls[PULL]["head"]["sha"] = "c" * 40
    assert forged.comment("7", dev=SUMMARY).results == {"comment": "success"}
    assert forged.comments == {}
