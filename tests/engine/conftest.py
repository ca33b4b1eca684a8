"""The real engine on the sandbox's providers; nothing here needs a container, a builder or a registry."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from sandbox import paths
from tests.support import machineless
from tests.support.github_server import GitHub, serving
from tests.support.stack import PULUMI, ROOT, Stack

MakeStack: TypeAlias = Callable[[str, str], Stack]


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
    # Each of several processes has one of its own.
    name = f"engine{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    stack = Stack(name, tmp_path_factory.mktemp("engine"), like=paths.STACKS / "Pulumi.dev.yaml")
    stack.init()
    yield stack
    stack.destroy()
    stack.remove()


@pytest.fixture
def changed(dev: Stack, tmp_path: Path) -> Stack:
    """The same stack with a configuration file of its own, for a test to change."""
    return Stack(dev.name, tmp_path, like=dev.config_file)


@pytest.fixture(scope="module")
def machineless_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sandbox without machines, where whole stacks are up in seconds."""
    home = tmp_path_factory.mktemp("machineless") / "home"
    machineless.lay_out(home)
    return home


@pytest.fixture(scope="module")
def machineless_stack(machineless_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStack]:
    """A function that makes a stack in the sandbox without machines, like a committed one; each is taken back at the end."""
    made: list[Stack] = []

    def make(name: str, like: str) -> Stack:
        made.append(Stack(name, tmp_path_factory.mktemp(name), like=machineless.overlay(machineless_home, like)))
        made[-1].init()
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_HOME", str(machineless_home))
        yield make
        (machineless_home / machineless.HOLD).unlink(missing_ok=True)
        for stack in made:
            stack.clear()


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A server that answers as GitHub does."""
    with serving() as server:
        yield server
