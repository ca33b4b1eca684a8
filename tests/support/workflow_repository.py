"""A repository with this project's files as main, and with pull requests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from sandbox import paths
from tests.support.repository_files import repository_files
from tests.support.stack import ROOT

AUTHOR = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")


def git(folder: Path, *args: str) -> str:
    """Run git and return its output."""
    return subprocess.run(
        ["git", *AUTHOR, *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def sandbox_home(folder: Path) -> Path:
    """Create a sandbox with the programs of this one and its own stacks, like `make prepare` on a new machine."""
    folder.mkdir()
    for name in ("bin", "venv", "account", "docker", "registry", "pulumi", "stamps"):
        (folder / name).symlink_to(paths.HOME / name)
    return folder


def set_keys(folder: Path, stack: str, **values: Any) -> None:
    """Set keys in a committed stack file."""
    file = folder / f"Pulumi.{stack}.yaml"
    document = yaml.safe_load(file.read_text())
    for key, value in values.items():
        document["config"][f"containerised-app:{key}"] = value
    file.write_text(yaml.safe_dump(document))


def without_local_stacks(folder: Path) -> None:
    """Delete the local stacks: two stacks are enough."""
    for file in folder.glob("Pulumi.local*.yaml"):
        file.unlink()


class Repository:
    """folder: a clone for commits, with GitHub's refs."""

    def __init__(self, folder: Path, prepare: Callable[[Path], None] = lambda folder: None) -> None:
        """main has the tracked and new files of this checkout, changed by `prepare`."""
        self.folder = folder
        folder.mkdir(parents=True)
        for name in repository_files():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
        prepare(folder)
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.commit("main as it is")

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(self.folder, "rev-parse", "HEAD")

    def push(self, number: int, change: Callable[[Path], None]) -> str:
        """Add a commit to a pull request and return it. refs/pull/<number>/merge is the merge with main."""
        branch = f"pull-{number}"
        known = git(self.folder, "branch", "--list", branch)
        git(self.folder, "checkout", "--quiet", *([] if known else ["-b"]), branch)
        change(self.folder)
        head = self.commit("a change")
        git(self.folder, "checkout", "--quiet", "--detach", "main")
        git(self.folder, "merge", "--quiet", "--no-ff", "-m", f"Merge pull request {number}", branch)
        git(self.folder, "update-ref", f"refs/pull/{number}/merge", "HEAD")
        git(self.folder, "checkout", "--quiet", "main")
        return head
