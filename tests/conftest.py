"""What the tests on a running sandbox share."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox import paths
from tests.support.services import bring_up
from tests.support.stack import PULUMI, ROOT

# Tests call make as a person does, also when `make test` runs them.
for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(inherited, None)
# What a script runs in the background ignores interrupts, and so does all that it starts. Pulumi ends its plugins by them, and waits
# 5 seconds for each that stays (pulumi 3.259, sdk/go/common/resource/plugin/plugin.go): at every command of every test.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sandbox(request: pytest.FixtureRequest) -> None:
    """The sandbox's services."""
    bring_up(request.config)


@pytest.fixture(scope="session")
def overlay(sandbox: None) -> Path:
    """The configuration of the committed stack "local" with the account's values, as the sandbox's `pulumi` makes it."""
    subprocess.run([PULUMI, "stack", "ls"], cwd=ROOT, check=True, capture_output=True)
    return paths.STACKS / "Pulumi.local.yaml"
