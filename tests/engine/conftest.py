"""The real engine on the sandbox's providers; nothing here needs a container, a builder or a registry."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import paths
from tests.support.stack import PULUMI, ROOT, Stack


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """The toolchain, on PATH."""
    subprocess.run([sys.executable, "-m", "sandbox", "prepare-preview"], cwd=ROOT, check=True)
    os.environ["PATH"] = f"{paths.VENV / 'bin'}:{paths.BIN}:{os.environ['PATH']}"


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the committed configuration of dev and what a person with an account adds; nothing of it exists."""
    # The wrapper makes the configuration with the account's values on its first call for a stack.
    subprocess.run([str(PULUMI), "config", "--stack", "dev"], cwd=ROOT, check=False, capture_output=True)
    stack = Stack("engine", tmp_path_factory.mktemp("engine"), like=paths.STACKS / "Pulumi.dev.yaml")
    stack.init()
    yield stack
    stack.destroy()
    stack.remove()


@pytest.fixture
def changed(dev: Stack, tmp_path: Path) -> Stack:
    """The same stack with a configuration file of its own, for a test to change."""
    return Stack(dev.name, tmp_path, like=dev.config_file)
