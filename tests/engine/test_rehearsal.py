"""The state which another checkout's program would leave, and what a preview says against it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.workflow_repository import Repository, git, sandbox_home


class Checkouts:
    """base and head, side by side, with a sandbox of their own."""

    def __init__(self, folder: Path) -> None:
        self.head = Repository(folder / "head").folder
        self.base = folder / "base"
        git(self.head, "worktree", "add", "--quiet", "--detach", str(self.base))
        self.environment = {**os.environ, "SANDBOX_HOME": str(sandbox_home(folder / "home"))}
        self.summary = folder / "summary.md"

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *words, "STACK=dev"], cwd=self.head, env=self.environment, capture_output=True, text=True
        )

    def preview(self) -> str:
        done = self.make("preview", "PULUMI=sandbox/rehearsal/pulumi", f"SUMMARY={self.summary}")
        assert done.returncode == 0, done.stdout + done.stderr
        return self.summary.read_text()


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(tmp_path)


def test_a_changed_file_of_the_image_is_seen_and_one_that_is_not_in_it_is_not(checkouts: Checkouts) -> None:
    done = checkouts.make("base-state", f"BASE={checkouts.base}")
    assert done.returncode == 0, done.stdout + done.stderr
    app = checkouts.head / "docker" / "jupyterlab"
    (app / "requirements.in").write_text("# of nobody's concern\n")
    assert checkouts.preview().startswith("<!-- review: preview of dev: nothing -->")
    with (app / "jupyter_server_config.py").open("a") as config:
        config.write("# of everybody's concern\n")
    told = checkouts.preview()
    for name in ("arm64", "amd64", "index", "podman"):
        assert f"jupyterlab-{name}" in told
    assert "jupyterlab-instance" not in told


def test_where_the_other_program_fails_or_has_no_such_stack_the_state_is_empty_and_that_is_told(
    checkouts: Checkouts,
) -> None:
    (checkouts.base / "__main__.py").write_text("import pulumi_oci\nraise SystemExit('broken')\n")
    broken = checkouts.make("base-state", f"BASE={checkouts.base}")
    assert broken.returncode != 0
    assert "the state is empty" in broken.stdout
    (checkouts.base / "Pulumi.dev.yaml").unlink()
    without = checkouts.make("base-state", f"BASE={checkouts.base}")
    assert without.returncode != 0
    assert "has no stack dev: the state is empty" in without.stdout
    assert "jupyterlab-instance" in checkouts.preview()


def test_a_preview_without_a_rehearsal_says_how_to_make_one(checkouts: Checkouts) -> None:
    done = checkouts.make("preview", "PULUMI=sandbox/rehearsal/pulumi")
    assert done.returncode != 0
    assert "make base-state STACK=dev" in done.stderr
