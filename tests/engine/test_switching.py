"""A stack that gets another target: what goes, what is made, what is kept; with the real engine on a sandbox without machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import machineless
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox without machines."""
    folder = tmp_path_factory.mktemp("sandbox") / "home"
    machineless.lay_out(folder)
    return folder


@pytest.fixture
def dev(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack of the committed configuration of dev, up."""
    monkeypatch.setenv("SANDBOX_HOME", str(home))
    stack = Stack("switching", tmp_path, like=machineless.overlay(home, "dev"))
    stack.clear()
    stack.init()
    stack.up()
    yield stack
    stack.clear()


def test_switching(dev: Stack) -> None:
    print(dev.preview())
    dev.configure(target="kubernetes")
    print(json.dumps(dev.preview(), indent=1))
    print(dev.log[-6000:])
    dev.up()
    print(dev.log[-16000:])
    dev.configure(target="instance")
    print(json.dumps(dev.up(), indent=1))
    print(dev.log[-16000:])
    dev.destroy()
    print(dev.log[-16000:])
    assert 0
