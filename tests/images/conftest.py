"""The images of the apps, which the program builds for both platforms, and containers of them. The host emulates the other platform."""

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
# The memory for the cache of a fresh builder. Both apps need 1.8 GB.
BUILDER_MEGABYTES = 4000


NATIVE = f"linux/{distribution.this().architecture}"
native_only = pytest.mark.parametrize("platform", [NATIVE], ids=["native"], indirect=True, scope="package")
"""Marks tests of an app's own behaviour, which are slow in emulation and show nothing new there."""


@dataclass(frozen=True)
class Built:
    """stacks: app to the stack that built it; exec_error: the kernel's error for a program of the foreign platform during the build."""

    stacks: dict[str, ImageStack]
    exec_error: int | None

    def reference(self, name: str) -> str:
        """The index of an app, by digest."""
        return str(self.stacks[name].output("image"))


@pytest.fixture(scope="package")
def built(overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """All images, built by a BuildKit with an empty cache, on a host that cannot run programs of a foreign platform."""
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
        yield Built(stacks, exec_error)


def run_foreign(folder: Path) -> int | None:
    """The kernel's error number for a program of the foreign platform's base image; None if it runs."""
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
    """Each platform. If the host cannot emulate the foreign one, its tests are skipped; in CI they fail."""
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
    """A function that pulls an app's image for the platform by the index's digest, and returns its id."""
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
    """A function that makes a container of an app, without starting it. The end of the context removes all of them."""
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
    """Containers of one test."""
    with containers(image, tmp_path, "images-own") as make:
        yield make


@pytest.fixture(scope="package")
def running(image: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[New]:
    """A function that returns a healthy container of an app, as the program runs it. Tests share it and leave it running."""
    with containers(image, tmp_path_factory.mktemp("running"), "images-running") as make:
        yield cache(lambda name: make(name).start().healthy())
