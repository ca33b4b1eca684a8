"""The engine is killed while it creates, updates and deletes a cluster, its nodes and its objects.

After each kill, the test follows the documentation. In the end, no resource is duplicated, left behind or lost.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.oci.catalogue import KINDS, cloud
from tests.e2e.conftest import PORT, new_password
from tests.support.holdings import Holdings, holdings, left
from tests.support.jupyter import login
from tests.support.killed_stack import is_whole, killed, living, repair
from tests.support.pod import in_pod
from tests.support.services import bring_up
from tests.support.stack import PULUMI, ROOT, Stack

CLUSTER, NODES = "jupyterlab-cluster", "jupyterlab-nodes"
SECRET, CLAIM, DEPLOYMENT, SERVICE = (f"jupyterlab-{name}" for name in ("files", "claim", "deployment", "service"))
WRITE = "import os; f = open('/jupyter/kept.txt', 'w'); f.write('from before'); f.flush(); os.fsync(f.fileno())"


@pytest.fixture(scope="module")
def before_killed(request: pytest.FixtureRequest, overlay: Path) -> tuple[Holdings, set[str]]:
    """The sandbox's resources and the ids in its cloud before the stack of this file."""
    bring_up(request.config, "--stack", "local-oke")
    return holdings(), living()


@pytest.fixture(scope="module")
def killed_stack(before_killed: tuple[Holdings, set[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is not deployed yet."""
    subprocess.run([PULUMI, "config", "--stack", "local-oke"], cwd=ROOT, check=True, capture_output=True)
    stack = Stack("e2e-oke-killed", tmp_path_factory.mktemp("e2e-oke-killed"), paths.STACKS / "Pulumi.local-oke.yaml")
    stack.clear()
    stack.init()
    stack.configure(password=new_password(), port=PORT + 41, retainClaim=False)
    try:
        yield stack
    finally:
        stack.clear()
        (ROOT / f".kubeconfig-{stack.name}").unlink(missing_ok=True)


def answers(stack: Stack) -> bool:
    return login(stack.output("loadBalancerUrl"), stack.password) is not None


def test_killed_create_creates_each_resource_once(
    killed_stack: Stack, before_killed: tuple[Holdings, set[str]]
) -> None:
    stack = killed_stack
    # With its plugins: the control plane is incomplete, and the cloud deletes it.
    killed(stack, "up", CLUSTER, "create")
    assert repair(stack)[CLUSTER] == "none"
    # Without them: it exists, but not in the state.
    made = set()
    for name in (CLUSTER, NODES):
        killed(stack, "up", name, "create", plugins=False)
        made.add(repair(stack)[name])
    for name in (SECRET, CLAIM, DEPLOYMENT, SERVICE):
        killed(stack, "up", name, "create", plugins=False)
        assert repair(stack) == {}
    stack.up()
    is_whole(stack, before_killed[1] | {stack.output("dataVolumeId")})
    assert made <= living()
    assert stack.output("clusterId") in made
    assert answers(stack)
    in_pod(stack, WRITE)


def test_killed_update_is_completed(killed_stack: Stack, before_killed: tuple[Holdings, set[str]]) -> None:
    stack, cloud = killed_stack, living()
    stack.configure(password=new_password(), loadBalancerMaxMbps=20)
    for name in (DEPLOYMENT, SERVICE):
        killed(stack, "up", name, "update")
        assert repair(stack) == {}
    stack.up()
    is_whole(stack, before_killed[1] | {stack.output("dataVolumeId")})
    assert living() == cloud
    assert answers(stack)
    assert in_pod(stack, "print(open('/jupyter/kept.txt').read())") == "from before\n"


def test_killed_destroy_leaves_nothing(killed_stack: Stack, before_killed: tuple[Holdings, set[str]]) -> None:
    volume = killed_stack.output("dataVolumeId")
    for name in (SERVICE, DEPLOYMENT, CLAIM, NODES, CLUSTER):
        killed(killed_stack, "destroy", name, "delete")
        before = len(killed_stack.log)
        assert repair(killed_stack) == {}
        assert f"oci bv volume delete --volume-id {volume}" in killed_stack.log[before:]
    killed_stack.destroy()
    # If the nodes stopped before they detached the volume, delete it as the output says.
    if volume in living():
        KINDS["volume"].delete(cloud(), volume)
    assert left(before_killed[0]) == {}
    assert living() == before_killed[1]
