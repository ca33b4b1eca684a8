"""Stacks that change their target or are destroyed: what is created, deleted and retained.

The tests use the whole program and the real engine, in a sandbox without machines. Like Oracle's, its cloud refuses overlapping subnets
and the deletion of resources in use.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.engine import test_preview, test_preview_kubernetes
from tests.engine.conftest import MakeStack
from tests.support.stack import ROOT, Stack

IMAGES = {f"jupyterlab-{name}" for name in ("repository", "arm64", "amd64", "index")}
INSTANCE = test_preview.EVERYTHING - IMAGES
KUBERNETES = test_preview_kubernetes.named(
    test_preview_kubernetes.NETWORK,
    test_preview_kubernetes.RULES,
    test_preview_kubernetes.CLUSTER,
    test_preview_kubernetes.APP,
)
# Resources of both targets, in different VCNs.
REPLACED = INSTANCE & KUBERNETES


def switch(before: set[str], after: set[str]) -> dict[str, str]:
    """Return the steps from one target to the other."""
    return {
        **dict.fromkeys(before - REPLACED, "delete"),
        **dict.fromkeys(after - REPLACED, "create"),
        **dict.fromkeys(REPLACED, "replace"),
    }


def cloud(home: Path, *kinds: str) -> set[str]:
    """Return the OCIDs of all resources of these kinds."""
    return {file.stem for kind in kinds for file in (home / "cloud" / "resources" / kind).glob("*.json")}


@pytest.fixture(scope="module")
def stack(machineless_stack: MakeStack) -> Stack:
    """A deployed stack like dev, shared by the tests."""
    stack = machineless_stack("switching", "dev")
    stack.up()
    return stack


@pytest.fixture(scope="module")
def volume(stack: Stack) -> str:
    """The OCID of the stack's data volume."""
    return str(stack.output("dataVolumeId"))


def test_switch_to_kubernetes_follows_its_plan_and_keeps_the_volume(
    stack: Stack, volume: str, machineless_home: Path
) -> None:
    stack.configure(target="kubernetes")
    plan = stack.preview()
    assert plan == switch(INSTANCE, KUBERNETES)
    assert "oci:Core:Volume jupyterlab-data delete[retain]" in stack.log
    assert stack.up() == plan
    assert cloud(machineless_home, "volume") == {volume}
    assert not cloud(machineless_home, "instance")
    assert len(cloud(machineless_home, "vcn")) == 1
    assert stack.up() == {}


def test_stack_switched_back_adopts_its_retained_volume(stack: Stack, volume: str, machineless_home: Path) -> None:
    stack.configure(target="instance", dataVolumeId=volume)
    plan = stack.preview()
    assert plan == {**switch(KUBERNETES, INSTANCE), "jupyterlab-data": "import"}
    for kept in ("PersistentVolumeClaim jupyterlab-claim", "Namespace jupyterlab-namespace"):
        assert f"{kept} delete[retain]" in stack.log
    assert stack.up() == plan
    assert stack.output("dataVolumeId") == volume
    assert not cloud(machineless_home, "cluster", "nodepool")
    assert stack.up() == {}


def test_destroy_keeps_the_data_volume_and_says_how_to_adopt_it(
    stack: Stack, volume: str, machineless_home: Path
) -> None:
    arguments = f"--yes --skip-preview --non-interactive --color never --config-file {stack.config_file}"
    command = ["make", "destroy", f"STACK={stack.name}", f"ARGS={arguments}"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.search(r"oci:Core:Volume jupyterlab-data deleted .*\[retain\]", said)
    assert (
        "\nkept: the data volume (output dataVolumeId) stays. To adopt it: pulumi config set dataVolumeId <OCID>;"
        in said
    )
    assert said.endswith(f"\n  dataVolumeId {volume}\n")
    assert cloud(machineless_home, "volume") == {volume}
    assert not cloud(machineless_home, "instance", "vcn", "subnet", "containerrepo")


def test_another_app_gets_its_own_volume_and_the_old_one_stays(
    stack: Stack, volume: str, machineless_home: Path
) -> None:
    stack.configure(dataVolumeId=None)
    stack.up()
    second = str(stack.output("dataVolumeId"))
    stack.configure(app="notebooks")
    stack.up()
    assert cloud(machineless_home, "volume") == {volume, second, str(stack.output("dataVolumeId"))}


def test_destroy_keeps_nothing_without_retain_data(stack: Stack, machineless_home: Path) -> None:
    third = str(stack.output("dataVolumeId"))
    stack.configure(retainData=False)
    # The tag of the volume says whether it is retained.
    assert stack.up() == {"notebooks-data": "update"}
    before = len(stack.log)
    stack.destroy()
    assert "[retain]" not in stack.log[before:]
    assert third not in cloud(machineless_home, "volume")
