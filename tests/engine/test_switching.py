"""A stack that gets another target, and one that goes: what is made, what is deleted, what is kept. The whole program, on the real engine
and a sandbox without machines, whose cloud refuses what Oracle's would: a subnet on another's addresses, deleting what is in use.
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
# What both targets have, in VCNs that differ.
ANEW = INSTANCE & KUBERNETES


def switch(before: set[str], after: set[str]) -> dict[str, str]:
    """The steps from one target to the other."""
    return {
        **dict.fromkeys(before - ANEW, "delete"),
        **dict.fromkeys(after - ANEW, "create"),
        **dict.fromkeys(ANEW, "replace"),
    }


def cloud(home: Path, *kinds: str) -> set[str]:
    """The OCIDs of all resources of these kinds."""
    return {file.stem for kind in kinds for file in (home / "cloud" / "resources" / kind).glob("*.json")}


@pytest.fixture(scope="module")
def stack(machineless_stack: MakeStack) -> Stack:
    """A stack like dev, up; the tests use it one after the other."""
    stack = machineless_stack("switching", "dev")
    stack.up()
    return stack


@pytest.fixture(scope="module")
def volume(stack: Stack) -> str:
    """The OCID of its data volume."""
    return str(stack.output("dataVolumeId"))


def test_a_switch_to_kubernetes_is_a_plan_that_up_follows_and_the_data_volume_stays(
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


def test_a_stack_switched_back_adopts_its_retained_volume(stack: Stack, volume: str, machineless_home: Path) -> None:
    stack.configure(target="instance", dataVolumeId=volume)
    plan = stack.preview()
    assert plan == {**switch(KUBERNETES, INSTANCE), "jupyterlab-data": "import"}
    for kept in ("PersistentVolumeClaim jupyterlab-claim", "Namespace jupyterlab-namespace"):
        assert f"{kept} delete[retain]" in stack.log
    assert stack.up() == plan
    assert stack.output("dataVolumeId") == volume
    assert not cloud(machineless_home, "cluster", "nodepool")
    assert stack.up() == {}


def test_destroy_keeps_the_data_volume_and_says_what_to_do_with_it(
    stack: Stack, volume: str, machineless_home: Path
) -> None:
    arguments = f"--yes --skip-preview --non-interactive --color never --config-file {stack.config_file}"
    command = ["make", "destroy", f"STACK={stack.name}", f"ARGS={arguments}"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.search(r"oci:Core:Volume jupyterlab-data deleted .*\[retain\]", said)
    assert "\nkept: the volume of dataVolumeId stays. To take it over: pulumi config set dataVolumeId <OCID>;" in said
    assert said.endswith(f"\n  dataVolumeId {volume}\n")
    assert cloud(machineless_home, "volume") == {volume}
    assert not cloud(machineless_home, "instance", "vcn", "subnet", "containerrepo")


def test_another_app_gets_another_volume_and_the_old_one_stays(
    stack: Stack, volume: str, machineless_home: Path
) -> None:
    stack.configure(dataVolumeId=None)
    stack.up()
    second = str(stack.output("dataVolumeId"))
    stack.configure(app="notebooks")
    stack.up()
    assert cloud(machineless_home, "volume") == {volume, second, str(stack.output("dataVolumeId"))}


def test_retain_data_false_once_applied_keeps_nothing(stack: Stack, machineless_home: Path) -> None:
    third = str(stack.output("dataVolumeId"))
    stack.configure(retainData=False)
    # The volume says in a tag what becomes of it.
    assert stack.up() == {"notebooks-data": "update"}
    before = len(stack.log)
    stack.destroy()
    assert "[retain]" not in stack.log[before:]
    assert third not in cloud(machineless_home, "volume")
