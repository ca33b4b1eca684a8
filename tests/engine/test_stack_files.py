"""The committed stack files after changes by the real CLI."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import paths
from tests.support import stack_files
from tests.support.stack import ROOT
from tests.unit.conftest import key_file, settings_of, values

__all__ = ["key_file", "values"]

COMMITTED = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))


@pytest.fixture
def pulumi(tmp_path: Path) -> Callable[..., str]:
    """A function that runs the CLI in a project with the same configuration and its own backend. An error fails the test."""
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
def test_stack_file_keeps_its_comments_and_stays_valid(stack: str, tmp_path: Path, pulumi: Callable[..., str]) -> None:
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


def test_documented_command_for_idle_kernels_sets_a_variable(
    tmp_path: Path, pulumi: Callable[..., str], values: dict[str, Any]
) -> None:
    page = (ROOT / "docker" / "jupyterlab" / "README.md").read_text()
    documented = re.search(r"`pulumi (config set --path\s+environment\.CULL_IDLE_SECONDS \d+)`", page)
    assert documented
    pulumi("stack", "init", "dev")
    pulumi(*shlex.split(documented[1]))
    pulumi("config", "set", "--path", "environment.CULL_CONNECTED", "true")
    pulumi("config", "set", "--path", "environment.ZIP", "00501")
    pulumi("config", "set", "--path", "environment.HALF", "0.50")
    assert stack_files.problems(yaml.safe_load((tmp_path / "Pulumi.dev.yaml").read_text())) == []
    # The value that the program gets.
    received = json.loads(pulumi("config", "--json"))["containerised-app:environment"]["value"]
    assert settings_of({**values, "environment": received}).app.environment == {
        "CULL_IDLE_SECONDS": "3600",
        "CULL_CONNECTED": "true",
        "ZIP": "00501",
        "HALF": "0.50",
    }
