"""Starts the sandbox: installs toolchain and images in parallel, then starts the services. A second run has little to do."""

from __future__ import annotations

from sandbox import (
    account,
    base_image,
    buildkit,
    engine,
    machine,
    machine_image,
    paths,
    plugins,
    registry,
    stack_file,
    toolchain,
)
from sandbox.kubernetes import service
from sandbox.process import SandboxError, privileged, run
from sandbox.progress import Progress, together


def preview(progress: Progress) -> None:
    """Install what previews need: engine, plugins, account. Starts no container."""
    with progress.reminders():
        _account(progress)
        _engine(progress)


def everything(progress: Progress, stack: str = "local") -> None:
    """Start everything that `pulumi up` of a stack needs, and the machines that ran before a restart of the host.

    A stack with target kubernetes needs more than one with an instance. Raises SandboxError if the stack does not exist.
    """
    kubernetes = stack_file.target(stack) == "kubernetes"
    _check_privilege()
    with progress.reminders():
        _account(progress)
        progress.step("container engine", engine.configure)
        # The first compiles, the others mostly wait for the network.
        together(
            lambda: _engine(progress, kubernetes=kubernetes),
            lambda: _machine_image_and_registry(progress),
            lambda: _base_image(progress),
            *([lambda: service.container_image(progress)] if kubernetes else []),
        )
        together(
            lambda: progress.step("base image in the registry", base_image.push),
            lambda: _services(progress, stack),
        )


def _account(progress: Progress) -> None:
    progress.step("account", account.ensure)
    progress.step("certificates and login", registry.prepare)
    progress.step("builder", buildkit.prepare)


def _engine(progress: Progress, *, kubernetes: bool = False) -> None:
    progress.step("toolchain", lambda: toolchain.ensure(paths.HOME, progress.say))
    progress.step("plugins", lambda: plugins.install(progress.say))
    progress.step("packages of the program", plugins.program_environment)
    if kubernetes:
        service.programs(progress)


def _machine_image_and_registry(progress: Progress) -> None:
    progress.step("machine image", machine_image.ensure)
    progress.step("network", engine.ensure_network)
    progress.step("registry", registry.start)


def _base_image(progress: Progress) -> None:
    progress.step("base image", base_image.ensure)


def _services(progress: Progress, stack: str) -> None:
    progress.step("BuildKit", buildkit.start)
    progress.step("stack files", lambda: stack_file.ensure(stack, builds=True) and None)
    progress.step("machines", machine.start_all)
    progress.step("clusters", service.start_all)


def _check_privilege() -> None:
    if run(privileged(["true"]), check=False).returncode:
        raise SandboxError("containers, loop devices and mounts need root; run `sudo -v` first, or run this as root")
