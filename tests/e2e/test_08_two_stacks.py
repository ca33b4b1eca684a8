"""Two stacks of the project at the same time in one sandbox, and two runs at the same time on one stack."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.process import wait_for
from tests.e2e.conftest import PORT, new_password
from tests.support.apps import documented
from tests.support.holdings import holdings, left
from tests.support.jupyter import login
from tests.support.machine import session, tunnel
from tests.support.stack import PulumiError, Stack

# Of what has a name or an address in the cloud or on this machine, none may be of both.
OWN = ("address", "instanceId", "dataVolumeId", "image", "url", "repositoryId", "ssh", "tunnel")


@pytest.fixture(scope="module")
def pair(overlay: Path, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Stack]]:
    """Two stacks with different apps, not yet up."""
    jupyter = Stack("e2e-left", tmp_path_factory.mktemp("left"), overlay)
    index = Stack("e2e-right", tmp_path_factory.mktemp("right"), overlay)
    for one in (jupyter, index):
        one.clear()
        one.init()
    jupyter.configure(password=new_password(), port=PORT + 2)
    index.configure(password=new_password(), **{**documented("pypiserver"), "port": PORT + 3})
    try:
        yield jupyter, index
    finally:
        for one in (jupyter, index):
            one.clear()


def both(pair: tuple[Stack, Stack], action: Callable[[Stack], dict[str, str]]) -> list[dict[str, str]]:
    """Do it with both at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(action, pair))


def resources(stack: Stack) -> dict[str, str]:
    """URN to id of all that the stack has."""
    return {one["urn"]: one["id"] for one in stack.export()["deployment"].get("resources", []) if one.get("id")}


def test_two_stacks_can_be_deployed_at_the_same_time(pair: tuple[Stack, Stack], stack: Stack) -> None:
    before, third = holdings(), resources(stack)
    jupyter, index = pair
    both(pair, Stack.up)
    assert not set(resources(jupyter).values()) & set(resources(index).values())
    assert [name for name in OWN if jupyter.output(name) == index.output(name)] == []
    with tunnel(jupyter) as url, tunnel(index) as other:
        assert login(url, jupyter.password)
        assert session().get(f"{other}/simple/", auth=("team", index.password), timeout=10).status_code == 200

    jupyter.configure(environment={"GREETING": "left"})
    index.configure(ocpus=1, memoryInGbs=6)
    resized = {"pypiserver-instance": "update", "pypiserver-podman": "update"}
    assert both(pair, Stack.up) == [{"jupyterlab-podman": "update"}, resized]
    assert both(pair, Stack.drift) == [{}, {}]
    assert both(pair, Stack.up) == [{}, {}]

    both(pair, Stack.destroy)
    assert left(before) == {}
    assert resources(stack) == third
    assert stack.drift() == {}


def test_concurrent_up_is_refused_with_lock_owner_and_fix(
    pair: tuple[Stack, Stack],
) -> None:
    jupyter, _ = pair
    with ThreadPoolExecutor() as pool:
        first = pool.submit(jupyter.up)
        wait_for(lambda: first.done() or held(jupyter), "the first run's hold on the stack", 60)
        with pytest.raises(PulumiError) as refused:
            jupyter.up()
        assert not first.done(), "the first run ended before the second was refused"
        assert first.result()
    message = str(refused.value)
    assert "currently locked" in message
    assert "pulumi cancel" in message
    assert re.search(rf"{re.escape(pwd.getpwuid(os.getuid()).pw_name)}@\S+ \(pid \d+\) at \d{{4}}-", message)
    assert jupyter.up() == {}


def held(stack: Stack) -> bool:
    """Is there a run's lock on the stack in the backend (source: pulumi pkg/backend/diy, lock.go)?"""
    return any((paths.BACKEND / ".pulumi" / "locks").rglob(f"{stack.name}/*.json"))
