"""`make preview` of the committed stacks, without an account, a builder or a network."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox import paths
from sandbox.process import alone, privileged
from tests.support.reviewed import shown
from tests.support.stack import PULUMI, ROOT
from tests.unit.conftest import key_file, values
from tests.unit.kubernetes_values import kubernetes_stack
from tests.unit.recorded_program import run_program

__all__ = ["key_file", "kubernetes_stack", "values"]


def previewed(stack: str, folder: Path) -> str:
    """Return the summary of `make preview` of a stack that was never initialised, on a machine without an account."""
    removed = [str(PULUMI), "stack", "rm", "--yes", "--stack", stack]
    # No other process may make the stack's file now: it needs the stack (sandbox/stack_file.py, ensure).
    with alone(paths.STACKS / ".lock"):
        subprocess.run(removed, cwd=ROOT, capture_output=True, check=False)
    home = folder / "home"
    home.mkdir()
    file = folder / "summary.md"
    subnet = [f"SANDBOX_SUBNET={os.environ['SANDBOX_SUBNET']}"] if "SANDBOX_SUBNET" in os.environ else []
    own = [f"HOME={home}", f"PATH={os.environ['PATH']}", f"SANDBOX_HOME={paths.HOME}", *subnet]
    make = ["make", "--directory", str(ROOT), "preview", f"STACK={stack}", f"SUMMARY={file}", f"PLAN={folder / 'plan'}"]
    drop = ["setpriv", "--reuid", str(os.getuid()), "--regid", str(os.getgid()), "--clear-groups"]
    offline = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *drop]
    done = subprocess.run(
        privileged([*offline, "env", "--ignore-environment", *own, *make]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for secret in ("app-password", "registry-token", "passphrase"):
        text = (paths.ACCOUNT / secret).read_text().strip()
        assert text not in done.stdout + done.stderr + file.read_text() + (folder / "plan").read_text()
    return file.read_text()


@pytest.mark.parametrize("stack", ["dev", "oke"])
def test_preview_shows_every_resource_that_up_creates(
    stack: str, tmp_path: Path, values: dict[str, Any], kubernetes_stack: dict[str, Any]
) -> None:
    summary = previewed(stack, tmp_path)
    assert summary.startswith(f"<!-- review: preview of {stack}: changes -->\n")
    # With Pulumi's mocks every output is known, as for an `up`.
    networks = {"sshNetworks": [f"{paths.GATEWAY}/32"]} if stack == "dev" else {"apiNetworks": [f"{paths.GATEWAY}/32"]}
    recorded = run_program({**(values if stack == "dev" else kubernetes_stack), **networks})
    created = {
        ("Created", name) for name in recorded.resources if recorded.resources[name].type != "pulumi:pulumi:Stack"
    }
    components = {("Created", "jupyterlab")}
    assert shown(summary) == created | components
