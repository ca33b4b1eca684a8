"""The real engine on the sandbox's providers, without containers, builder and registry."""

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
    """Put the toolchain on PATH."""
    subprocess.run([sys.executable, "-m", "sandbox", "prepare-preview"], cwd=ROOT, check=True)
    os.environ["PATH"] = f"{paths.VENV / 'bin'}:{paths.BIN}:{os.environ['PATH']}"


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the committed configuration of dev and the values of an account. It is not deployed."""
    # The first call for a stack creates its configuration with the account's values.
    subprocess.run([str(PULUMI), "config", "--stack", "dev"], cwd=ROOT, check=False, capture_output=True)
    # Each test process has its own stack.
    name = f"engine{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    stack = Stack(name, tmp_path_factory.mktemp("engine"), like=paths.STACKS / "Pulumi.dev.yaml")
    stack.init()
    yield stack
    stack.destroy()
    stack.remove()


@pytest.fixture
def changed(dev: Stack, tmp_path: Path) -> Stack:
    """The same stack with its own configuration file, which the test may change."""
    return Stack(dev.name, tmp_path, like=dev.config_file)


@pytest.fixture(scope="module")
def machineless_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sandbox without machines, which deploys whole stacks in seconds."""
    home = tmp_path_factory.mktemp("machineless") / "home"
    machineless.lay_out(home)
    return home


@pytest.fixture(scope="module")
def machineless_stack(machineless_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStack]:
    """A function that creates a stack like a committed one in the sandbox without machines. The end of the module destroys them."""
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
    """A fake of GitHub's API."""
    with serving() as server:
        yield server
