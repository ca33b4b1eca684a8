"""Fixtures of all tests that need a running sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox import paths
from tests.support.services import bring_up
from tests.support.stack import PULUMI, ROOT

# Tests call make like a user, without variables of `make test`.
for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(inherited, None)
# A background process of a script ignores interrupts, and so do its children. Pulumi interrupts its plugins and waits 5 seconds for each
# one that ignores it (pulumi 3.259, sdk/go/common/resource/plugin/plugin.go), at every command of every test.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sandbox(request: pytest.FixtureRequest) -> None:
    """Start the sandbox's services."""
    bring_up(request.config)


@pytest.fixture(scope="session")
def overlay(sandbox: None) -> Path:
    """The sandbox's configuration file of the stack "local"."""
    subprocess.run([PULUMI, "stack", "ls"], cwd=ROOT, check=True, capture_output=True)
    return paths.STACKS / "Pulumi.local.yaml"
