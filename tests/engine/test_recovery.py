"""Repairs after failures of the cloud and changes by hand, on the real engine without machines."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import MakeStack
from tests.support import machineless
from tests.support.stack import PULUMI, ROOT, PulumiError, Stack

NEEDS_CAPACITY = {"dev": ("jupyterlab-instance", "instance"), "oke": ("jupyterlab-nodes", "nodepool")}
CHANGED_BY_HAND: dict[str, dict[str, Any]] = {
    "internetgateway": {"enabled": False},
    "natgateway": {"blockTraffic": True},
    "securityrule": {"stateless": True},
    "subnet": {"securityListIds": []},
}


@pytest.fixture(scope="module", params=NEEDS_CAPACITY)
def stack(request: pytest.FixtureRequest, machineless_stack: MakeStack) -> Stack:
    """A stack of each target, shared by the tests."""
    return machineless_stack(request.param, request.param)


def ids(stack: Stack) -> dict[str, str]:
    """The id of each resource in the state, by its name."""
    resources = stack.export()["deployment"]["resources"]
    return {one["urn"].rpartition("::")[2]: one["id"] for one in resources if one.get("id")}


def test_create_without_capacity_is_repaired_and_repeated_once(stack: Stack, machineless_home: Path) -> None:
    name, kind = NEEDS_CAPACITY[stack.name]
    full = machineless_home / machineless.FULL
    full.touch()
    try:
        with pytest.raises(PulumiError, match=r"Out of host capacity\."):
            stack.up()
    finally:
        full.unlink()
    # As with the official provider, the state has an id, and `up` alone tries to update the missing resource.
    with pytest.raises(PulumiError, match="404-NotAuthorizedOrNotFound"):
        stack.up()
    interrupted = ["python3", "-m", "operations.interrupted", "--stack", stack.name, "--pulumi", str(PULUMI)]
    printed = subprocess.run(interrupted, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert printed.endswith(f"{name}: the next `up` creates it\n")
    stack.up()
    made = {file.stem for file in (machineless_home / "cloud" / "resources" / kind).iterdir()}
    assert made == {ids(stack)[name]}


def test_change_by_hand_of_a_default_is_undone(stack: Stack, machineless_home: Path) -> None:
    stack.up()
    before, known = {}, set(ids(stack).values())
    for kind, changed in CHANGED_BY_HAND.items():
        files = (machineless_home / "cloud" / "resources" / kind).glob("*.json")
        if file := next((file for file in files if file.stem in known), None):
            before[file] = json.loads(file.read_text())
            file.write_text(json.dumps({**before[file], "properties": before[file]["properties"] | changed}))
    assert len(before) >= 3
    assert set(stack.up("--refresh").values()) == {"update"}
    assert {file: json.loads(file.read_text())["properties"] for file in before} == {
        file: record["properties"] for file, record in before.items()
    }
