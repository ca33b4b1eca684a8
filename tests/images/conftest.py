"""The images of the apps, built for both platforms as the program builds them, and containers of them: the host's platform for real, the
other one emulated.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from sandbox import base_image, distribution, engine, oci_layout, qemu
from sandbox.process import SandboxError
from tests.support.app_container import AppContainer, in_ci, pull
from tests.support.apps import app
from tests.support.builders import small_builder
from tests.support.image_stack import ImageStack, image_stack

APPS = ("jupyterlab", "pypiserver")
PLATFORMS = ("linux/amd64", "linux/arm64")
# Of memory, where the cache of a builder lies that has built nothing yet; both apps take 1.8 GB.
BUILDER_MEGABYTES = 4000


@dataclass(frozen=True)
class Built:
    """stacks: app to the stack that built it; exec_error: what the kernel said to a program of the foreign platform meanwhile."""

    stacks: dict[str, ImageStack]
    exec_error: int | None

    def reference(self, name: str) -> str:
        """The index of an app, by digest."""
        return str(self.stacks[name].output("image"))


@pytest.fixture(scope="package")
def built(overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """All images, by a BuildKit that has nothing in its cache, on a host that runs nothing of a foreign platform."""
    folder = tmp_path_factory.mktemp("images")
    with ExitStack() as context:
        stacks = {}
        for name in APPS:
            (folder / name).mkdir()
            configured = image_stack(f"images-{name}", folder / name, overlay, **app(name).configuration)
            stacks[name] = context.enter_context(configured)
        with small_builder("images", BUILDER_MEGABYTES), qemu.without_emulation():
            exec_error = run_foreign(folder)
            for stack in stacks.values():
                stack.configure(builder="images")
                stack.up()
        # It is gone; nobody looks for it in a plan.
        yield Built(stacks, exec_error)


def run_foreign(folder: Path) -> int | None:
    """The error number with which the kernel refuses a program of the foreign platform's base image; None when it runs it."""
    layer = oci_layout.layer_of(base_image.LAYOUT, qemu.foreign())
    with tarfile.open(oci_layout.blob(base_image.LAYOUT, layer.digest)) as tar:
        content = tar.extractfile("./usr/bin/true")
        assert content is not None
        (folder / "true").write_bytes(content.read())
    (folder / "true").chmod(0o755)
    try:
        subprocess.run([folder / "true"], check=False)
    except OSError as error:
        return error.errno
    return None


@pytest.fixture(scope="package", params=PLATFORMS, ids=lambda platform: platform.partition("/")[2])
def platform(request: pytest.FixtureRequest, built: Built) -> Iterator[str]:
    """A platform whose programs this host runs, as itself or emulated. Without emulation the tests of the foreign one are skipped; not
    in CI, where they fail.
    """
    wanted: str = request.param
    if wanted.endswith(distribution.this().architecture):
        yield wanted
        return
    with ExitStack() as context:
        try:
            context.enter_context(qemu.emulation())
        except SandboxError as error:
            if in_ci():
                raise
            pytest.skip(f"{wanted} cannot be emulated here: {error}")
        yield wanted


@pytest.fixture(scope="package")
def image(platform: str, built: Built) -> Iterator[Callable[[str], str]]:
    """A function that gives the id of an app's image for the platform, pulled by the index's digest."""
    pulled: dict[str, str] = {}

    def of(name: str) -> str:
        if name not in pulled:
            tag = f"localhost/sandbox-images/{name}:{platform.partition('/')[2]}"
            pulled[name] = pull(built.reference(name), platform, tag)
        return pulled[name]

    yield of
    for one in pulled.values():
        engine.podman("rmi", "--force", one)


New = Callable[[str], AppContainer]


@contextmanager
def containers(image: Callable[[str], str], folder: Path, prefix: str) -> Iterator[New]:
    """A function that gives a new container of an app, not yet started; all are gone after the context."""
    made: list[AppContainer] = []

    def new(name: str) -> AppContainer:
        number = len(made)
        container = AppContainer(f"{prefix}-{number}", image(name), app(name), folder / f"data-{number}")
        made.append(container)
        return container

    try:
        yield new
    finally:
        for one in made:
            one.remove()


@pytest.fixture
def new(image: Callable[[str], str], tmp_path: Path) -> Iterator[New]:
    """Containers of a test's own."""
    with containers(image, tmp_path, "images-own") as make:
        yield make


@pytest.fixture(scope="package")
def running(image: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[New]:
    """A function that gives an app as the program runs it; healthy. Tests share it and leave it running."""
    with containers(image, tmp_path_factory.mktemp("running"), "images-running") as make:
        yield cache(lambda name: make(name).start().healthy())
