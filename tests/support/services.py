"""The services of the sandbox for tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.stack import ROOT


def bring_up(config: pytest.Config, *options: str) -> None:
    """Run `python -m sandbox up` and show its output."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture
    with capture.global_and_fixture_disabled():
        print()
        subprocess.run([sys.executable, "-m", "sandbox", "up", *options], cwd=ROOT, check=True, timeout=3600)
