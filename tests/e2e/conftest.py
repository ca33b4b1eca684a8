"""The stack on the sandbox that these tests share; the files are in the order in which they use it."""

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

# Beside the ports of the committed stacks, so that `make local` may run meanwhile.
PORT = 18888

# What Kubernetes, a shell, podman or systemd would make something else of.
AS_WRITTEN = "$(PORT) $$ ${HOME} `id` %n \\ 'it' \"is\" & *"


def new_password() -> str:
    """Of a form which no file holds by chance."""
    return f"e2e-{secrets.token_urlsafe(18)}"


@pytest.fixture(scope="session")
def command_lines(sandbox: None) -> Iterator[CommandLines]:
    """The command line of every process from before the first `up` on."""
    with CommandLines() as recording:
        yield recording


@pytest.fixture(scope="session")
def before(sandbox: None, command_lines: CommandLines) -> Holdings:
    """What the sandbox held before any stack of these tests was there."""
    return holdings()


@pytest.fixture(scope="session")
def stack(overlay: Path, before: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack "e2e": JupyterLab as it ships, built from a copy of its folder so that tests can edit the Dockerfile."""
    folder = tmp_path_factory.mktemp("e2e")
    context = folder / "jupyterlab"
    shutil.copytree(ROOT / "docker" / "jupyterlab", context)
    yield from up_and_down(Stack("e2e", folder, overlay), port=PORT, context=str(context))


def up_and_down(stack: Stack, **configuration: Any) -> Iterator[Stack]:
    """Bring a stack of this configuration up, with a password of its own; take it back at the end, however that comes."""
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
    """What the sandbox held before the second stack was there."""
    return holdings()


@pytest.fixture(scope="session")
def second(overlay: Path, before_second: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack "e2e-second": the second app, by the very configuration that docker/README.md gives for it, at another port."""
    stack = Stack("e2e-second", tmp_path_factory.mktemp("e2e-second"), overlay)
    yield from up_and_down(stack, **{**documented("pypiserver"), "port": PORT + 1})


@pytest.fixture(scope="session")
def before_oke(request: pytest.FixtureRequest, overlay: Path, command_lines: CommandLines) -> Holdings:
    """What the sandbox held, with what clusters need, before a stack with a cluster was there."""
    bring_up(request.config, "--stack", "local-oke")
    return holdings()


@pytest.fixture(scope="session")
def oke(before_oke: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack "e2e-oke": the committed stack "local-oke", built from a copy of the app's folder."""
    folder = tmp_path_factory.mktemp("e2e-oke")
    context = folder / "jupyterlab"
    shutil.copytree(ROOT / "docker" / "jupyterlab", context)
    subprocess.run([PULUMI, "config", "--stack", "local-oke"], cwd=ROOT, check=True, capture_output=True)
    stack = Stack("e2e-oke", folder, paths.STACKS / "Pulumi.local-oke.yaml")
    try:
        # Beside the ports that the tests of the instance use.
        yield from up_and_down(
            stack, port=PORT + 20, context=str(context), retainClaim=True, environment={"AS_WRITTEN": AS_WRITTEN}
        )
    finally:
        (ROOT / f".kubeconfig-{stack.name}").unlink(missing_ok=True)


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """The app's address, there as long as the stack's own tunnel is open."""
    with tunnel(stack) as address:
        yield address


@pytest.fixture
def context(stack: Stack) -> Path:
    """The folder from which the image of `stack` is built."""
    return stack.folder / "jupyterlab"


@pytest.fixture(scope="session")
def registry(sandbox: None) -> Callable[[str], Get]:
    """A function that gives the getter of a repository, for `secret_search.image` and for asking what is there."""

    return getter


@pytest.fixture(scope="session")
def platforms(registry: Callable[[str], Get]) -> Callable[[Stack], list[str]]:
    """A function that tells the platforms of the image which a stack runs, as its index names them."""

    def of(stack: Stack) -> list[str]:
        repository, _, digest = stack.output("image").partition("@")
        index = json.loads(registry(repository)("manifests", digest).content)
        found = [entry["platform"] for entry in index["manifests"]]
        return [f"{platform['os']}/{platform['architecture']}" for platform in found if platform["os"] != "unknown"]

    return of
