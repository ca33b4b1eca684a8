"""The project's own rules: no secret in a commit, an update bot that knows every lock, and pages for contributors."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from identify import identify

from sandbox import paths
from tests.support.repository_files import repository_files
from tests.unit.conftest import ROOT


@pytest.fixture
def private_key() -> str:
    """An API key in the form of Oracle's console. It is generated, so that the repository contains none."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


class Clone:
    """A repository with the files and hooks of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in repository_files():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
            (folder / name).chmod((ROOT / name).stat().st_mode)
        (folder / ".sandbox").symlink_to(paths.HOME)
        self.git("init", "--quiet")
        self.git("add", "--all")
        first = self.git("commit", "--quiet", "--message", "Everything")
        assert first.returncode == 0, first.stderr
        subprocess.run(
            [sys.executable, "-m", "pre_commit", "install"],
            cwd=folder,
            env=environment(),
            check=True,
            capture_output=True,
        )

    def git(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run git as some person."""
        person = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "core.hooksPath=.git/hooks"]
        return subprocess.run(
            ["git", *person, *words], cwd=self.folder, env=environment(), capture_output=True, text=True
        )

    def commit(self, name: str, content: str) -> subprocess.CompletedProcess[str]:
        """Try to commit this content of a file."""
        (self.folder / name).write_text(content)
        self.git("add", name)
        return self.git("commit", "--message", "A change")


def environment() -> dict[str, str]:
    """The environment without variables of the git or pre-commit that runs these tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PRE_COMMIT"))}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """One clone for all tests. Each test leaves nothing staged."""
    return Clone(tmp_path_factory.mktemp("clone"))


def test_commit_with_a_secret_is_refused(clone: Clone, private_key: str) -> None:
    done = clone.commit("notes.txt", private_key)
    clone.git("rm", "--quiet", "--force", "notes.txt")
    assert done.returncode != 0
    assert "secrets" in done.stderr + done.stdout
    assert not [line for line in private_key.splitlines()[1:-1] if line in done.stderr + done.stdout]


def test_commit_with_a_password_in_plain_text_is_refused(clone: Clone) -> None:
    before = (clone.folder / "Pulumi.oke.yaml").read_text()
    done = clone.commit("Pulumi.oke.yaml", f"{before}  containerised-app:password: correct horse\n")
    clone.git("checkout", "--quiet", "HEAD", "Pulumi.oke.yaml")
    assert done.returncode != 0
    assert "containerised-app:password: has to be encrypted" in done.stderr + done.stdout
    assert "correct horse" not in done.stderr + done.stdout


def test_commit_without_errors_succeeds(clone: Clone) -> None:
    before = (clone.folder / "Pulumi.oke.yaml").read_text()
    done = clone.commit("Pulumi.oke.yaml", f"{before}  containerised-app:replicas: 0\n")
    assert done.returncode == 0, done.stderr + done.stdout


def folders_with_versions() -> dict[str, set[str]]:
    """Ecosystem to the folders in which the update bot finds versions."""
    found: dict[str, set[str]] = {}
    for name in repository_files():
        file, folder = ROOT / name, f"/{Path(name).parent}".removesuffix(".")
        if file.suffix == ".txt" and re.search(r"^[\w.-]+==", file.read_text(), re.MULTILINE):
            found.setdefault("uv" if file.with_suffix(".in").exists() else "pip", set()).add(folder)
        elif file.name == "go.mod":
            found.setdefault("gomod", set()).add(folder)
        elif "dockerfile" in identify.tags_from_path(str(file)):
            if re.search(r"^FROM( --\S+)* [^$\s]*[:@/]", file.read_text(), re.MULTILINE):
                found.setdefault("docker", set()).add(folder)
        elif name.startswith(".github/workflows/"):
            found.setdefault("github-actions", set()).add("/")
        elif file.name in ("action.yml", "action.yaml"):
            found.setdefault("github-actions", set()).add(folder)
    return found


def test_update_bot_knows_every_folder_with_versions() -> None:
    updates: list[dict[str, Any]] = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {entry["package-ecosystem"]: set(entry["directories"]) for entry in updates} == folders_with_versions()


def test_page_for_contributors_names_existing_commands() -> None:
    targets = set(re.findall(r"\bmake ([a-z][a-z-]*)", (ROOT / ".github" / "CONTRIBUTING.md").read_text()))
    assert {"lint", "test", "hooks", "docs"} <= targets
    known = re.findall(r"^([a-z -]+):(?: |$)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets <= {name for line in known for name in line.split()}


def test_changelog_has_the_form_of_keep_a_changelog() -> None:
    page = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert page.startswith("# Changelog\n")
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", version) for version in versions[1:])
    kinds = re.findall(r"^### (.*)$", page, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
