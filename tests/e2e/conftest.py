"""The stacks that the end-to-end tests share. The files run in the order of their numbers."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import paths
from tests.support.apps import documented
from tests.support.command_lines import CommandLines
from tests.support.holdings import Holdings, holdings
from tests.support.machine import tunnel
from tests.support.published import Get, getter
from tests.support.services import bring_up
from tests.support.stack import PULUMI, ROOT, Stack

# Different from the ports of the committed stacks, so `make local` can run at the same time.
PORT = 18888

# Text that Kubernetes, a shell, podman or systemd could change.
AS_WRITTEN = "$(PORT) $$ ${HOME} `id` %n \\ 'it' \"is\" & *"


def new_password() -> str:
    """Return a password that no file contains by chance."""
    return f"e2e-{secrets.token_urlsafe(18)}"


@pytest.fixture(scope="session")
def command_lines(sandbox: None) -> Iterator[CommandLines]:
    """The command lines of all processes since before the first `up`."""
    with CommandLines() as recording:
        yield recording


@pytest.fixture(scope="session")
def before(sandbox: None, command_lines: CommandLines) -> Holdings:
    """The sandbox's resources before the first stack."""
    return holdings()


@pytest.fixture(scope="session")
def stack(overlay: Path, before: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack "e2e": JupyterLab, built from a copy of its folder, so tests can edit the Dockerfile."""
    folder = tmp_path_factory.mktemp("e2e")
    context = folder / "jupyterlab"
    shutil.copytree(ROOT / "docker" / "jupyterlab", context)
    yield from up_and_down(Stack("e2e", folder, overlay), port=PORT, context=str(context))


def up_and_down(stack: Stack, **configuration: Any) -> Iterator[Stack]:
    """Deploy a stack with this configuration and its own password, and destroy it at the end."""
    stack.clear()
    stack.init()
    stack.configure(password=new_password(), **configuration)
    try:
        stack.up()
        yield stack
    finally:
        stack.clear()


@pytest.fixture(scope="session")
def before_second(stack: Stack) -> Holdings:
    """The sandbox's resources before the second stack."""
    return holdings()


@pytest.fixture(scope="session")
def second(overlay: Path, before_second: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack "e2e-second": the second app with its configuration in docker/README.md, at another port."""
    stack = Stack("e2e-second", tmp_path_factory.mktemp("e2e-second"), overlay)
    yield from up_and_down(stack, **{**documented("pypiserver"), "port": PORT + 1})


@pytest.fixture(scope="session")
def before_oke(request: pytest.FixtureRequest, overlay: Path, command_lines: CommandLines) -> Holdings:
    """The sandbox's resources before the first stack with a cluster."""
    bring_up(request.config, "--stack", "local-oke")
    return holdings()


@pytest.fixture(scope="session")
def oke(before_oke: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack "e2e-oke": the stack "local-oke", built from a copy of the app's folder."""
    folder = tmp_path_factory.mktemp("e2e-oke")
    context = folder / "jupyterlab"
    shutil.copytree(ROOT / "docker" / "jupyterlab", context)
    subprocess.run([PULUMI, "config", "--stack", "local-oke"], cwd=ROOT, check=True, capture_output=True)
    stack = Stack("e2e-oke", folder, paths.STACKS / "Pulumi.local-oke.yaml")
    try:
        # Different from the ports of the instance tests.
        yield from up_and_down(
            stack, port=PORT + 20, context=str(context), retainClaim=True, environment={"AS_WRITTEN": AS_WRITTEN}
        )
    finally:
        (ROOT / f".kubeconfig-{stack.name}").unlink(missing_ok=True)


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """The address of the app while the stack's tunnel is open."""
    with tunnel(stack) as address:
        yield address


@pytest.fixture
def context(stack: Stack) -> Path:
    """The build context of `stack`."""
    return stack.folder / "jupyterlab"


@pytest.fixture(scope="session")
def registry(sandbox: None) -> Callable[[str], Get]:
    """A function that returns the getter of a repository, for `secret_search.image` and other requests."""
    return getter


@pytest.fixture(scope="session")
def platforms(registry: Callable[[str], Get]) -> Callable[[Stack], list[str]]:
    """A function that returns the platforms of a stack's image from its index."""

    def of(stack: Stack) -> list[str]:
        repository, _, digest = stack.output("image").partition("@")
        index = json.loads(registry(repository)("manifests", digest).content)
        found = [entry["platform"] for entry in index["manifests"]]
        return [f"{platform['os']}/{platform['architecture']}" for platform in found if platform["os"] != "unknown"]

    return of
