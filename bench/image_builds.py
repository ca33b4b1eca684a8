"""Builds of the JupyterLab image, timed: the program's own component, or the reference article's way, in a stack of registry and image.

Both run in the real engine with the real docker-build plugin, so they differ in nothing but how the image is built. Each stack has a
repository of its own, so that nothing is in the registry before it is pushed, except for the base.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker_build as docker_build
from pulumi import automation
from pulumi.automation import events

from bench.measure import peak_memory
from components.image import AppImage, AppImageArgs
from components.registry import Registry, RegistryArgs
from sandbox import account, base_image, paths, stack_file
from sandbox.builders import Builder

PROJECT = "bench-images"
APP = "jupyterlab"
CONTEXT = paths.ROOT / "docker" / APP
BASE_IMAGE = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/{base_image.REPOSITORY}:3"
ARTICLE = Path(__file__).with_name("article")
ARTICLE_PLATFORMS = ("linux/arm64", "linux/amd64")
# Reading /proc ten times as often would be a tenth of a core's work.
MEMORY_INTERVAL_SECONDS = 0.5

Program = Callable[[], None]


@dataclass(frozen=True)
class Build:
    """One build. seconds: from the start of the first image to the end of the index, push included; each: of each resource, by its
    name; up_seconds: the whole `pulumi up`; peak_mb: of the builder and all it ran; reference: of the index, by digest.
    """

    seconds: float
    each: Mapping[str, float]
    up_seconds: float
    peak_mb: float
    reference: str


class Stopwatch:
    """Times docker-build's resources by this process's clock: the engine's events tell whole seconds."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.ended: dict[str, float] = {}

    def __call__(self, event: events.EngineEvent) -> None:
        """Take an event of the engine."""
        for step, times in ((event.resource_pre_event, self.began), (event.res_outputs_event, self.ended)):
            if step and step.metadata.type.startswith("docker-build:"):
                times[step.metadata.urn.rpartition("::")[2]] = time.monotonic()

    @property
    def seconds(self) -> float:
        """From the start of the first to the end of the last."""
        return max(self.ended.values()) - min(self.began.values())

    @property
    def each(self) -> dict[str, float]:
        """Of each resource, by its name."""
        return {name: ended - self.began[name] for name, ended in self.ended.items()}


def copy_context(folder: Path) -> Path:
    """A copy of the app's folder, to be changed."""
    return Path(shutil.copytree(CONTEXT, folder / APP))


def change_a_line(context: Path) -> None:
    """Add a comment to one of the app's own files, another one each time."""
    with (context / "jupyter_server_config.py").open("a") as file:
        file.write(f"# {time.time_ns()}\n")


def ours(context: Path, platforms: Sequence[str], builder: str) -> Program:
    """The program's own component."""

    def program() -> None:
        image = AppImage(
            APP,
            AppImageArgs(
                registry=_registry(),
                context=str(context),
                staging=str(context.parent / "staging"),
                tag="bench",
                platforms=platforms,
                base_image=BASE_IMAGE,
                builder=builder,
            ),
        )
        pulumi.export("image", image.reference)

    return program


def article(folder: Path, builder: str) -> Program:
    """The article's way: a plain Dockerfile, built for one platform after the other, each in the image's own platform."""
    context = folder / "article"
    context.mkdir()
    shutil.copy(ARTICLE / "Dockerfile", context)
    shutil.copy(CONTEXT / "requirements.txt", context)

    def program() -> None:
        registry = _registry()
        login = docker_build.RegistryArgs(address=registry.host, username=registry.username, password=registry.token)
        images: list[docker_build.Image] = []
        for platform in ARTICLE_PLATFORMS:
            tag = pulumi.Output.concat(registry.repository_url, ":bench-", platform.removeprefix("linux/"))
            images.append(
                docker_build.Image(
                    platform.removeprefix("linux/"),
                    context=docker_build.BuildContextArgs(location=str(context)),
                    dockerfile=docker_build.DockerfileArgs(location=str(context / "Dockerfile")),
                    platforms=[docker_build.Platform(platform)],
                    build_args={"BASE_IMAGE": BASE_IMAGE},
                    tags=[tag],
                    registries=[login],
                    builder=docker_build.BuilderConfigArgs(name=builder),
                    push=True,
                    build_on_preview=False,
                    opts=pulumi.ResourceOptions(depends_on=list(images)),
                )
            )
        index = docker_build.Index(
            "index",
            tag=pulumi.Output.concat(registry.repository_url, ":bench"),
            sources=[image.ref for image in images],
            push=True,
            registry=login,
        )
        pulumi.export("image", index.ref)

    return program


@contextmanager
def stack(name: str) -> Iterator[automation.Stack]:
    """A stack of the sandbox, without resources at first, taken back in the end with all it pushed."""
    left = stack_file.exists(PROJECT, name)
    made = automation.create_or_select_stack(name, project_name=PROJECT, program=lambda: None)
    values = stack_file.account_values(PROJECT)
    for key in ("oci:region", "oci:tenancyOcid", "oci:userOcid"):
        made.set_config(key, automation.ConfigValue(values[key]))
    if left:
        # Of a run that was killed.
        _empty(made)
    try:
        yield made
    finally:
        _empty(made)
        made.workspace.remove_stack(name)


def build(made: automation.Stack, program: Program, builder: Builder) -> Build:
    """Run the program in the stack. Raises pulumi.automation.CommandError, with what the build printed, when it fails."""
    stopwatch, began = Stopwatch(), time.monotonic()
    with peak_memory(builder.pid(), MEMORY_INTERVAL_SECONDS) as peaks:
        result = made.up(program=program, on_event=stopwatch, color="never")
        up_seconds = time.monotonic() - began
    return Build(stopwatch.seconds, stopwatch.each, up_seconds, max(peaks), str(result.outputs["image"].value))


def _empty(made: automation.Stack) -> None:
    # An `up` that was interrupted leaves its lock.
    made.cancel()
    made.destroy()


def _registry() -> Registry:
    args = RegistryArgs(
        compartment_id=paths.TENANCY_OCID,
        host=paths.REGISTRY_ADDRESS,
        tags={},
        repository=f"{PROJECT}-{pulumi.get_stack()}",
        username="",
        user_ocid=paths.USER_OCID,
        token=pulumi.Output.secret(account.registry_token()),
    )
    return Registry(APP, args)
