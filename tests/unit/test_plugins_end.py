"""Emulated providers end on an interrupt and with their engine."""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.process import wait_for
from tests.unit.conftest import ROOT

# Runs a plugin that checks for its engine so rarely that only the interrupt can end it.
SELDOM_LOOKING = """
import runpy, sys
from sandbox import plugin_end
plugin_end._SECONDS_BETWEEN_LOOKS = 600
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
# Acts as an engine: starts the plugin as its child and prints the plugin's process id.
ENGINE = """
import subprocess, sys, time
plugin = subprocess.Popen([sys.executable, "-m", sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
plugin.stdout.readline()
print(plugin.pid, flush=True)
time.sleep(60)
"""


def runs(pid: int) -> bool:
    """Return whether the process exists and is no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def handles_interrupts(pid: int) -> bool:
    """Return whether the process handles SIGINT."""
    [caught] = re.findall(r"^SigCgt:\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(caught, 16) & 1 << signal.SIGINT - 1)


each_plugin = pytest.mark.parametrize("module", ["sandbox.oci", "sandbox.command", "sandbox.kubernetes_provider"])


@each_plugin
def test_plugin_ends_immediately_on_interrupt(
    module: str,
) -> None:
    # Background processes of a shell ignore interrupts.
    python = [sys.executable, "-c", SELDOM_LOOKING, module, "127.0.0.1:1"]
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *python]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as plugin:
        assert plugin.stdout
        try:
            plugin.stdout.readline()
            wait_for(lambda: handles_interrupts(plugin.pid), "the handler of interrupts", 60)
            # Let the plugin sleep.
            time.sleep(0.5)
            threads = sorted(int(task.name) for task in Path(f"/proc/{plugin.pid}/task").iterdir())
            assert ctypes.CDLL(None).tgkill(plugin.pid, threads[-1], signal.SIGINT) == 0
            assert plugin.wait(60) == 0
        finally:
            plugin.kill()


@each_plugin
def test_plugin_ends_with_its_engine(module: str) -> None:
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
