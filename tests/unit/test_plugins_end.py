"""A stand-in ends with its engine, also when the engine was killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.conftest import ROOT

# Plays an engine: starts the plugin as its child and prints the plugin's process id.
ENGINE = """
import subprocess, sys, time
plugin = subprocess.Popen([sys.executable, "-m", sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
plugin.stdout.readline()
print(plugin.pid, flush=True)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    """Is the process there, and no zombie?"""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("module", ["sandbox.oci", "sandbox.command", "sandbox.kubernetes_provider"])
def test_a_plugin_ends_when_its_engine_was_killed(module: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE, module], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout
        plugin = int(engine.stdout.readline())
        assert runs(plugin)
        engine.kill()
    deadline = time.monotonic() + 10
    while runs(plugin):
        assert time.monotonic() < deadline, f"{module} outlived its engine"
        time.sleep(0.1)
