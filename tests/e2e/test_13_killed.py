"""The engine is killed while it creates, updates and deletes each kind of resource of a stack with an instance.

After each kill, the test follows the documentation. In the end, no resource is duplicated, left behind or lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import PORT, new_password
from tests.support.holdings import Holdings, holdings, left
from tests.support.jupyter import login
from tests.support.killed_stack import is_whole, killed, living, repair, state_of
from tests.support.machine import in_container, tunnel
from tests.support.stack import ROOT, Stack

INSTANCE, ATTACHMENT = "jupyterlab-instance", "jupyterlab-data-attachment"
# The step of the Dockerfile that installs the app's files, on the builder's platform.
STEP = "/python/with-python install_files.py"
IMAGE, INDEX, PODMAN = "jupyterlab-arm64", "jupyterlab-index", "jupyterlab-podman"


@pytest.fixture(scope="module")
def before_killed(overlay: Path) -> tuple[Holdings, set[str]]:
    """The sandbox's resources and the ids in its cloud before the stack of this file."""
    return holdings(), living()


@pytest.fixture(scope="module")
def killed_stack(
    overlay: Path, before_killed: tuple[Holdings, set[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack that is not deployed yet."""
    folder = tmp_path_factory.mktemp("e2e-killed")
    context = folder / "jupyterlab"
    shutil.copytree(ROOT / "docker" / "jupyterlab", context)
    slow_down(context)
    stack = Stack("e2e-killed", folder, overlay)
    stack.clear()
    stack.init()
    stack.configure(password=new_password(), port=PORT + 40, context=str(context), retainData=False)
    try:
        yield stack
    finally:
        stack.clear()


def slow_down(context: Path) -> None:
    """Delay the images until after the first kill."""
    dockerfile = context / "Dockerfile"
    words = dockerfile.read_text()
    assert STEP in words
    dockerfile.write_text(words.replace(STEP, f"sleep 60 && {STEP}"))


def speed_up(context: Path) -> None:
    """Undo the delay, which changes the images."""
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace(f"sleep 60 && {STEP}", STEP))


def has_its_file(stack: Stack) -> bool:
    return in_container(stack, "print(open('kept.txt').read())") == "from before\n"


def test_killed_create_creates_each_resource_once(
    killed_stack: Stack, before_killed: tuple[Holdings, set[str]]
) -> None:
    stack = killed_stack
    # With its plugins: the machine is incomplete, and the cloud deletes it.
    killed(stack, "up", INSTANCE, "create")
    assert repair(stack)[INSTANCE] == "none"
    # Without them: the machine exists, but not in the state.
    killed(stack, "up", INSTANCE, "create", plugins=False)
    instance = repair(stack)[INSTANCE]
    assert instance.startswith("ocid1.instance.")
    killed(stack, "up", ATTACHMENT, "create", plugins=False)
    attachment = repair(stack)[ATTACHMENT]
    assert attachment.startswith("ocid1.volumeattachment.")
    speed_up(stack.folder / "jupyterlab")
    for name in (IMAGE, INDEX, PODMAN):
        killed(stack, "up", name, "create")
        assert repair(stack) == {}
    stack.up()
    is_whole(stack, before_killed[1])
    assert {instance, attachment} <= living()
    assert stack.output("instanceId") == instance
    with tunnel(stack) as url:
        assert login(url, stack.password)
    in_container(stack, "open('kept.txt', 'w').write('from before')")


def test_state_has_no_files_that_a_kill_can_corrupt(killed_stack: Stack) -> None:
    state = state_of(killed_stack)
    assert state.exists()
    assert not list(state.parent.glob(f"{killed_stack.name}.*.attrs"))


def test_killed_update_is_completed(killed_stack: Stack, before_killed: tuple[Holdings, set[str]]) -> None:
    stack, cloud = killed_stack, living()
    stack.configure(password=new_password(), ocpus=1, memoryInGbs=6)
    killed(stack, "up", INSTANCE, "update")
    assert repair(stack) == {}
    configuration = stack.folder / "jupyterlab" / "jupyter_server_config.py"
    configuration.write_text(configuration.read_text() + "\n# Changed.\n")
    for name in (IMAGE, INDEX, PODMAN):
        killed(stack, "up", name, "update")
        assert repair(stack) == {}
    stack.up()
    is_whole(stack, before_killed[1])
    assert living() == cloud
    with tunnel(stack) as url:
        assert login(url, stack.password)
    assert has_its_file(stack)


def test_killed_replacement_keeps_the_data(killed_stack: Stack, before_killed: tuple[Holdings, set[str]]) -> None:
    stack, volume = killed_stack, killed_stack.output("dataVolumeId")
    stack.configure(operatingSystemVersion="8")
    for name in (PODMAN, INSTANCE):
        killed(stack, "up", name, "delete")
        assert repair(stack) == {}
    killed(stack, "up", INSTANCE, "create", plugins=False)
    instance = repair(stack)[INSTANCE]
    assert instance.startswith("ocid1.instance.")
    killed(stack, "up", ATTACHMENT, "create")
    repair(stack)
    stack.up()
    is_whole(stack, before_killed[1])
    assert (stack.output("instanceId"), stack.output("dataVolumeId")) == (instance, volume)
    with tunnel(stack) as url:
        assert login(url, stack.password)
    assert has_its_file(stack)


def test_killed_destroy_leaves_nothing(killed_stack: Stack, before_killed: tuple[Holdings, set[str]]) -> None:
    killed(killed_stack, "destroy", INSTANCE, "delete")
    assert repair(killed_stack) == {}
    killed_stack.destroy()
    assert left(before_killed[0]) == {}
    assert living() == before_killed[1]
