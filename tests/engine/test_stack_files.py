"""What the real CLI makes of the committed stack files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sandbox import paths
from tests.support import stack_files
from tests.support.stack import ROOT

COMMITTED = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))


@pytest.fixture
def pulumi(tmp_path: Path) -> Callable[..., str]:
    """The CLI in a project of the same configuration, with a backend of its own; an error ends the test."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    backend = tmp_path / "backend"
    backend.mkdir()
    own = {
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "test",
    }

    def run(*args: str, stdin: str = "") -> str:
        command = [str(paths.BIN / "pulumi"), *args, "--non-interactive"]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **own}, input=stdin, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("stack", COMMITTED)
def test_a_stack_file_keeps_its_comments_and_its_schema_whatever_is_set(
    stack: str, tmp_path: Path, pulumi: Callable[..., str]
) -> None:
    file = tmp_path / f"Pulumi.{stack}.yaml"
    shutil.copy(ROOT / file.name, file)
    comments = [line for line in file.read_text().splitlines() if line.startswith("#")]
    pulumi("stack", "init", stack)
    pulumi("config", "set", "ocpus", "1")
    pulumi("config", "set", "retainImages", "true")
    pulumi("config", "set", "--path", "sshNetworks[0]", "203.0.113.7/32")
    pulumi("config", "set", "--secret", "password", stdin="correct horse")
    pulumi("config", "set", "--secret", "--path", "secretFiles.users", stdin="me")
    pulumi("config", "rm", "ocpus")
    assert [line for line in file.read_text().splitlines() if line.startswith("#")] == comments
    document = yaml.safe_load(file.read_text())
    assert document["config"]["containerised-app:retainImages"] == "true"
    assert stack_files.problems(document) == []
