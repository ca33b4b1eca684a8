"""From the start to the first 200: the image's container as the program runs it, and what is in the image started without a container.

Both are the same files, run by the same minor of Python, with the same configuration, on this host.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Run, side_by_side
from sandbox import engine, paths, registry
from sandbox.process import SandboxError, privileged, run, wait_for
from specs import podman, secret_files

APP = "jupyterlab"
HEALTH = "/api"
DATA = "/jupyter"
USER = 10001
SECRET_FILE = "password-hash"  # noqa: S105 - its name
MEMORY_GB = 2
POLL_SECONDS = 0.02
START_SECONDS = 120
CONTAINER, BARE, PODMAN = "the container", "the same files started bare", "`podman run` alone, until it returns"


@dataclass(frozen=True)
class HostSpec(podman.ContainerSpec):
    """The app as the program has it, with its data in a volume of podman's: there is no data disk."""

    @property
    def data_folder(self) -> str:
        """The volume."""
        return f"{self.name}-data"


def measure(reference: str, runs: int) -> dict[str, list[Run]]:
    """Start both in turn. reference: of the image's index, by digest."""
    with tempfile.TemporaryDirectory(prefix="bench-start-") as name, _image(reference):
        folder = Path(name)
        hashed = secret_files.render({SECRET_FILE: "argon2:{argon2}"}, secrets.token_urlsafe(), "bench")[SECRET_FILE]
        spec = HostSpec(
            name=f"bench-{APP}",
            image=reference,
            port=_free_port(),
            environment={},
            secret_names=[SECRET_FILE],
            data_path=DATA,
            health_path=HEALTH,
            user_id=USER,
            memory_gb=MEMORY_GB,
        )
        with _copied_app(reference, folder) as tree, _secret(hashed), _volume(spec.data_folder):
            starts = {
                CONTAINER: lambda: _container(spec, lambda began: _until_answer(spec.port, began)),
                BARE: lambda: _bare(tree, hashed, folder / "bare"),
                PODMAN: lambda: _container(spec, lambda began: time.monotonic() - began),
            }
            return side_by_side(starts, runs)


def bare_environment(image: Sequence[str], tree: Path, folder: Path, port: int) -> dict[str, str]:
    """The image's environment ("NAME=value" each) and what the program adds, for the app's files below `tree` and data in `folder`."""
    variables = dict(variable.split("=", 1) for variable in image)
    moved = {key: value.replace("/opt/app", f"{tree}/opt/app") for key, value in variables.items()}
    data, run_time = str(folder / "data"), str(folder / "run")
    given = {"PORT": str(port), "DATA_PATH": data, "HOME": data, "JUPYTER_RUNTIME_DIR": run_time}
    return {**moved, **given, "PASSWORD_HASH_FILE": str(folder / SECRET_FILE)}


def _container(spec: HostSpec, seconds: Callable[[float], float]) -> Run:
    _, verb, *words = podman.run_command(spec)
    began = time.monotonic()
    # The sandbox's own network, whose bridge no other podman has.
    engine.podman(verb, "--network", paths.NETWORK, *words)
    try:
        return Run(seconds(began), 0)
    finally:
        engine.podman("rm", "--force", "--ignore", "--time", "5", spec.name)


def _bare(tree: Path, hashed: str, folder: Path) -> Run:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / SECRET_FILE).write_text(hashed)
    port = _free_port()
    config = json.loads((tree / "config.json").read_text())
    environment = bare_environment(config["Env"], tree, folder, port)
    command = [word.replace("/opt/app", f"{tree}/opt/app") for word in config["Cmd"]]
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    began = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *as_root], env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            return Run(_until_answer(port, began), 0)
        finally:
            process.terminate()
            process.wait(30)


def _until_answer(port: int, began: float) -> float:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answers() -> bool:
        try:
            with opener.open(f"http://127.0.0.1:{port}{HEALTH}", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    wait_for(answers, f"the first answer on {HEALTH}", START_SECONDS, POLL_SECONDS)
    return time.monotonic() - began


@contextmanager
def _image(reference: str) -> Iterator[None]:
    """The image is in the sandbox's podman, as long as the context lasts."""
    trust = [f"--authfile={registry.login_file()}", f"--cert-dir={registry.certificates()}"]
    engine.podman("pull", "--quiet", *trust, reference)
    try:
        yield
    finally:
        engine.podman("rmi", "--force", reference)


@contextmanager
def _secret(hashed: str) -> Iterator[None]:
    name = podman.secret_name(f"bench-{APP}", 0)
    engine.podman("secret", "rm", name, check=False)
    engine.podman("secret", "create", name, "-", stdin=hashed)
    try:
        yield
    finally:
        engine.podman("secret", "rm", name)


@contextmanager
def _volume(name: str) -> Iterator[None]:
    engine.podman("volume", "create", name)
    try:
        yield
    finally:
        engine.podman("volume", "rm", "--force", name)


@contextmanager
def _copied_app(reference: str, folder: Path) -> Iterator[Path]:
    """A folder with /opt/app of the image and, as config.json, the image's configuration."""
    tree = folder / "image"
    (tree / "opt").mkdir(parents=True)
    config = json.loads(engine.podman("image", "inspect", reference).stdout)[0]["Config"]
    (tree / "config.json").write_text(json.dumps(config))
    mounted = Path(engine.podman("image", "mount", reference).stdout.strip())
    try:
        run(privileged(["cp", "--archive", mounted / "opt/app", tree / "opt/app"]))
    finally:
        engine.podman("image", "umount", reference)
    try:
        python = (tree / "opt/app/bin/python").resolve()
        if not python.exists():
            raise SandboxError(
                f"this host has no {python}, on which the image runs; the sandbox's own base is of the host's release"
            )
        yield tree
    finally:
        run(privileged(["rm", "-rf", tree / "opt"]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
