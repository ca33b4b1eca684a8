"""What keeps the project in order: the same linters before a commit as in CI, secret detection, the update bot, pages for people."""

from __future__ import annotations

import os
import re
import shlex
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

BIN = ".sandbox/venv/bin/"
FOUND = 200  # kingfisher's exit status for findings that are not validated


def hooks() -> list[dict[str, Any]]:
    """The hooks of .pre-commit-config.yaml."""
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local", "a hook of another repository has a version of its own"
    found: list[dict[str, Any]] = local["hooks"]
    return found


def linters() -> list[list[str]]:
    """The commands of `make lint`, word by word, from the program on."""
    printed = subprocess.run(
        ["make", "--dry-run", "lint"],
        cwd=ROOT,
        env={**os.environ, "SANDBOX_HOME": ".sandbox"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    commands = [shlex.split(line) for line in printed.splitlines()]
    return [
        words[start:]
        for words in commands
        for start in [next((i for i, w in enumerate(words) if w.startswith(BIN)), -1)]
        if start >= 0
    ]


def linter(name: str, *words: str) -> list[str]:
    """The only command of `make lint` that runs this program with these words."""
    (command,) = [command for command in linters() if command[0] == BIN + name and set(words) <= set(command)]
    return command


def is_for(hook: dict[str, Any], name: str) -> bool:
    """Does pre-commit hand this file to the hook?"""
    tags = identify.tags_from_path(str(ROOT / name))
    any_of = set(hook.get("types_or", tags))
    return bool(re.search(hook.get("files", ""), name)) and set(hook.get("types", ())) <= tags and bool(any_of & tags)


def same(hook: dict[str, Any], command: list[str]) -> bool:
    """Is the hook this command of `make lint`, with the same options and for the same files?"""
    entry = shlex.split(hook["entry"])
    files = command[len(entry) :]
    if command[: len(entry)] != entry or any(word.startswith("-") for word in files):
        return False
    if files in ([], ["."]):
        return not (files and "files" in hook)
    named = {str(file.relative_to(ROOT)) for word in files for file in ROOT.glob(word)}
    return named == {name for name in repository_files() if is_for(hook, name)}


def test_every_linter_of_make_lint_is_a_hook_with_the_same_options_and_files_and_the_other_way_round() -> None:
    commands = linters()
    assert len(commands) >= 10
    missing = [shlex.join(command) for command in commands if not any(same(hook, command) for hook in hooks())]
    assert not missing, "make lint has what .pre-commit-config.yaml has not, or for other files"
    unknown = [hook["id"] for hook in hooks() if not any(same(hook, command) for command in commands)]
    assert not unknown, ".pre-commit-config.yaml has what make lint has not, or for other files"


def test_a_linter_is_pinned_with_the_tests_and_downloads_nothing() -> None:
    pinned = (ROOT / "tests" / "requirements.in").read_text()
    for hook in hooks():
        assert hook["language"] == "system", hook["id"]
        program = hook["entry"].removeprefix(BIN).split()[0]
        assert program == "python" or re.search(rf"^{program}(-bin|-py)?==", pinned, re.MULTILINE), hook["id"]
    assert re.search(r"^pre-commit==", pinned, re.MULTILINE)


# --- secrets ---


@pytest.fixture
def private_key() -> str:
    """An API key as Oracle's console makes it; assembled here, so that the repository holds none."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def scan(*files: Path) -> subprocess.CompletedProcess[str]:
    """As `make lint` scans, from its own command."""
    words = [word.replace(".sandbox", str(paths.HOME), 1) for word in linter("kingfisher")]
    return subprocess.run([*words, *map(str, files)], capture_output=True, text=True)


def test_a_planted_secret_is_found_by_make_lint_and_its_value_not_shown(tmp_path: Path, private_key: str) -> None:
    (tmp_path / "clean.py").write_text("KEY_FILE = '~/.oci/oci_api_key.pem'\n")
    (tmp_path / "settings.py").write_text(f'KEY = """{private_key}"""\n')
    done = scan(tmp_path / "clean.py", tmp_path / "settings.py")
    printed = done.stdout + done.stderr
    assert done.returncode == FOUND, printed
    assert "settings.py" in printed
    assert "clean.py" not in printed
    assert not [line for line in private_key.splitlines()[1:-1] if line in printed]


def test_a_file_without_a_secret_passes(tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text("KEY_FILE = '~/.oci/oci_api_key.pem'\n")
    done = scan(tmp_path / "clean.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scanner_asks_nobody_and_sees_every_file_of_the_repository() -> None:
    assert {"--no-validate", "--no-update-check", "--redact"} <= set(linter("kingfisher"))
    assert "@git ls-files -z | xargs -0 $(bin)/kingfisher" in (ROOT / "Makefile").read_text()


class Clone:
    """A repository with this one's files and hooks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in repository_files():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
        (folder / ".sandbox").symlink_to(paths.HOME)
        self.git("init", "--quiet")
        self.git("add", "--all")
        first = self.git("commit", "--quiet", "--message", "Everything")
        assert first.returncode == 0, first.stderr
        subprocess.run(
            [sys.executable, "-m", "pre_commit", "install"], cwd=folder, env=own(), check=True, capture_output=True
        )

    def git(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run git as somebody."""
        person = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "core.hooksPath=.git/hooks"]
        return subprocess.run(["git", *person, *words], cwd=self.folder, env=own(), capture_output=True, text=True)

    def commit(self, name: str, content: str) -> subprocess.CompletedProcess[str]:
        """Try to commit this file."""
        (self.folder / name).write_text(content)
        self.git("add", name)
        return self.git("commit", "--message", "A change")


def own() -> dict[str, str]:
    """The environment without the variables of a git or a pre-commit that runs these tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PRE_COMMIT"))}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """One for all tests; none leaves anything staged."""
    return Clone(tmp_path_factory.mktemp("clone"))


def test_a_commit_with_a_secret_is_refused(clone: Clone, private_key: str) -> None:
    done = clone.commit("notes.txt", private_key)
    clone.git("rm", "--quiet", "--force", "notes.txt")
    assert done.returncode != 0
    assert "secrets" in done.stderr + done.stdout
    assert private_key.splitlines()[1] not in done.stderr + done.stdout


def test_a_commit_with_a_password_in_plain_text_is_refused(clone: Clone) -> None:
    before = (clone.folder / "Pulumi.oke.yaml").read_text()
    done = clone.commit("Pulumi.oke.yaml", f"{before}  containerised-app:password: correct horse\n")
    clone.git("checkout", "--quiet", "HEAD", "Pulumi.oke.yaml")
    assert done.returncode != 0
    assert "containerised-app:password: has to be encrypted" in done.stderr + done.stdout
    assert "correct horse" not in done.stderr + done.stdout


def test_a_commit_that_is_in_order_goes_through(clone: Clone) -> None:
    before = (clone.folder / "Pulumi.oke.yaml").read_text()
    done = clone.commit("Pulumi.oke.yaml", f"{before}  containerised-app:replicas: 0\n")
    assert done.returncode == 0, done.stderr + done.stdout


# --- the update bot ---


def manifests() -> dict[str, set[str]]:
    """Ecosystem to folders with something that it updates."""
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


def updates() -> list[dict[str, Any]]:
    """The entries of dependabot.yml."""
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    return found


def test_the_update_bot_knows_every_folder_with_pinned_versions_and_no_other() -> None:
    named = {entry["package-ecosystem"]: sorted(entry["directories"]) for entry in updates()}
    there = {ecosystem: sorted(folders) for ecosystem, folders in manifests().items()}
    assert named == there, ".github/dependabot.yml names other folders than there are"


def test_updates_come_weekly_in_one_pull_request_and_not_on_a_versions_first_day() -> None:
    for entry in updates():
        assert entry["schedule"]["interval"] == "weekly"
        assert [group["patterns"] for group in entry["groups"].values()] == [["*"]]
        assert entry["cooldown"]["default-days"] >= 7


@pytest.mark.parametrize(("interval", "passes"), [("weekly", True), ("sometimes", False)])
def test_a_wrong_configuration_of_the_bot_is_refused_by_make_lint(interval: str, passes: bool, tmp_path: Path) -> None:
    program, *options, file = linter("check-jsonschema", "vendor.dependabot")
    copy = tmp_path / "dependabot.yml"
    copy.write_text((ROOT / file).read_text().replace("interval: weekly", f"interval: {interval}"))
    command = [program.replace(".sandbox", str(paths.HOME), 1), *options, str(copy)]
    assert (subprocess.run(command, capture_output=True).returncode == 0) == passes


# --- pages ---


def test_the_page_for_contributors_fits_one_screen_and_names_commands_that_exist() -> None:
    page = (ROOT / ".github/CONTRIBUTING.md").read_text()
    assert len(page.splitlines()) <= 50
    assert [line for line in page.splitlines() if len(line) > 100] == []
    targets = set(re.findall(r"\bmake ([a-z][a-z-]*)", page))
    assert {"lint", "test", "hooks", "docs"} <= targets
    known = re.findall(r"^([a-z -]+):(?: |$)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets <= {name for line in known for name in line.split()}


def test_the_changelog_keeps_the_form_and_begins_with_what_is_not_released() -> None:
    page = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert page.startswith("# Changelog\n")
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", version) for version in versions[1:])
    kinds = re.findall(r"^### (.*)$", page, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize("page", [".github/CONTRIBUTING.md", "CHANGELOG.md", "docs/configuration.md"])
def test_the_readme_leads_to_the_page(page: str) -> None:
    assert f"]({page})" in (ROOT / "README.md").read_text()
