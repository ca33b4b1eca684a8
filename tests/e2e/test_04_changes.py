"""Changes of the configuration: the engine's steps and the result for the user."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import paths
from tests.e2e.conftest import AS_WRITTEN, PORT, new_password
from tests.support.jupyter import login
from tests.support.machine import container_id, in_container, on_machine, tunnel
from tests.support.program import copy, edit
from tests.support.stack import Stack

APP = {"jupyterlab-podman": "update"}
IMAGE_AND_APP = {"jupyterlab-arm64": "update", "jupyterlab-amd64": "update", "jupyterlab-index": "update", **APP}
NEW_INSTANCE = {
    "jupyterlab-instance": "replace",
    "jupyterlab-data-attachment": "replace",
    "jupyterlab-podman": "replace",
}


def test_new_password_changes_only_the_app_and_the_old_one_fails(stack: Stack) -> None:
    old, image = stack.password, stack.output("image")
    stack.configure(password=new_password())
    assert stack.preview() == APP
    assert stack.up() == APP
    assert stack.output("image") == image
    with tunnel(stack) as url:
        assert login(url, old) is None
        assert login(url, stack.password)


def test_port_and_environment_change_only_the_app(stack: Stack) -> None:
    stack.configure(port=PORT + 10)
    assert stack.preview() == APP
    stack.configure(environment={"AS_WRITTEN": AS_WRITTEN})
    assert stack.up() == APP
    assert stack.output("url") == f"http://127.0.0.1:{PORT + 10}"
    with tunnel(stack) as url:
        assert login(url, stack.password)
    assert in_container(stack, "import os; print(os.environ['AS_WRITTEN'])") == f"{AS_WRITTEN}\n"


def test_dockerfile_change_updates_image_index_and_app_only(
    stack: Stack, context: Path, platforms: Callable[[Stack], list[str]]
) -> None:
    image = stack.output("image")
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("ENV ADDED=by-a-test\n")
    assert stack.preview() == IMAGE_AND_APP
    assert stack.up() == IMAGE_AND_APP
    assert stack.output("image") != image
    assert sorted(platforms(stack)) == ["linux/amd64", "linux/arm64"]
    assert in_container(stack, "import os; print(os.environ['ADDED'])") == "by-a-test\n"


def test_ocpus_change_the_instance_in_place(stack: Stack) -> None:
    instance = stack.output("instanceId")
    stack.configure(ocpus=3)
    assert stack.preview() == {"jupyterlab-instance": "update"}
    assert stack.up() == {"jupyterlab-instance": "update"}
    assert stack.output("instanceId") == instance
    with tunnel(stack, seconds=180) as url:
        assert login(url, stack.password)


def test_new_ssh_key_replaces_the_instance_and_keeps_data_and_app(stack: Stack) -> None:
    old, volume = stack.output("instanceId"), stack.output("dataVolumeId")
    in_container(stack, "open('kept.txt', 'w').write('from the instance before')")
    key = stack.folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    stack.configure(sshPrivateKeyFile=str(key))
    assert stack.preview() == NEW_INSTANCE
    assert stack.up() == NEW_INSTANCE
    assert stack.output("instanceId") != old
    assert stack.output("dataVolumeId") == volume
    with tunnel(stack) as url:
        assert login(url, stack.password)
    assert in_container(stack, "print(open('kept.txt').read())") == "from the instance before\n"
    assert on_machine(stack, f"sudo ls {stack.output('dataFolder')}").count("kept.txt") == 1


@pytest.fixture
def program(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the program that the stack uses during the test."""
    monkeypatch.setattr(stack, "program", copy(tmp_path))
    return tmp_path


def test_changed_cloud_config_replaces_the_instance(stack: Stack, program: Path) -> None:
    assert stack.preview() == {}
    edit(program, "specs/cloud_config.py", '"packages": ["podman"', '"packages": ["podman", "tmux"')
    assert stack.preview() == NEW_INSTANCE


@pytest.fixture
def newer_image(sandbox: None) -> Iterator[None]:
    """Oracle publishes another Oracle Linux 9."""
    file = paths.CLOUD / "images.json"
    known = file.read_text() if file.exists() else None
    newer = {
        "displayName": "Oracle-Linux-9.9-aarch64-2099.01.31-0",
        "operatingSystem": "Oracle Linux",
        "operatingSystemVersion": "9",
        "processor": "aarch64",
        "timeCreated": "2099-01-31 12:00:00.000 +0000 UTC",
    }
    file.write_text(json.dumps([*json.loads(known or "[]"), newer]))
    yield
    file.unlink() if known is None else file.write_text(known)


def test_newer_platform_image_changes_nothing(stack: Stack, newer_image: None) -> None:
    assert stack.preview() == {}


def test_preview_leaves_the_app_running(stack: Stack) -> None:
    running = container_id(stack)
    stack.configure(environment={"GREETING": "good evening"})
    assert stack.preview() == APP
    stack.configure(environment={"AS_WRITTEN": AS_WRITTEN})
    assert container_id(stack) == running
