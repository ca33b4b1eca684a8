"""A container of an app's image in the podman of this host, started with the program's own command."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox import address, engine, paths, registry
from sandbox.process import privileged, run
from specs import podman, secret_files
from specs.container import STOP_TIMEOUT_SECONDS, ContainerSpec
from tests.support.apps import App
from tests.support.machine import answers
from tests.support.ports import free_port

PASSWORD = "of-this-test-4kPz81Wq"
# QEMU runs programs at a tenth of their speed.
SECONDS = 240


class AppContainer:
    """One container. image: id of its image; data: the folder mounted at `data_path`; url: of the app; start_log: its log until it was
    healthy.
    """

    def __init__(self, name: str, image: str, app: App, data: Path) -> None:
        self.name, self.image, self.app, self.data = name, image, app, data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.health_url = f"{self.url}{app.health_path}"
        self.start_log = ""

    def start(self, *extra: str, secrets: Mapping[str, str] | None = None) -> AppContainer:
        """Run it with `extra` options of podman. secrets: file name to content, by default those that the program renders."""
        if secrets is None:
            secrets = secret_files.render(self.app.secret_files, PASSWORD, "tests/images")
        spec = self.spec(list(secrets))
        for position, content in enumerate(secrets.values()):
            secret = podman.secret_name(self.name, position)
            engine.podman("secret", "rm", secret, check=False)
            engine.podman("secret", "create", secret, "-", stdin=content)
        self.data.mkdir(parents=True)
        run(privileged(["chown", f"{spec.user_id}:{spec.user_id}", self.data]))
        words = podman.run_command(spec, self.image, str(self.data))
        # Tests read its log and exit code afterwards.
        words.remove("--rm")
        assert words[:2] == ["podman", "run"]
        assert words[-1] == self.image
        network = ["--network", paths.NETWORK, "--ip", address.reserve(self.name)]
        engine.podman(*words[1:-1], *network, *extra, self.image)
        return self

    def spec(self, secret_names: Sequence[str]) -> ContainerSpec:
        """The program's specification of it."""
        return ContainerSpec(
            name=self.name,
            port=self.port,
            environment={},
            secret_names=secret_names,
            data_path=self.app.data_path,
            health_path=self.app.health_path,
            user_id=self.app.user_id,
            memory_gb=2,
        )

    def healthy(self) -> AppContainer:
        """Wait until it answers. Raises AssertionError with its log if it ends before or needs longer than SECONDS."""
        deadline = time.monotonic() + SECONDS
        while not answers(self.health_url):
            assert engine.running(self.name), f"{self.name} has ended:\n{self.log()}"
            assert time.monotonic() < deadline, f"{self.name} does not answer:\n{self.log()}"
            time.sleep(0.3)
        assert self.health()
        self.start_log = self.log()
        return self

    def exit_code(self) -> int:
        """Wait until it ends and return its exit code."""
        return int(engine.podman("wait", self.name, timeout=SECONDS).stdout)

    def stop(self) -> tuple[int, float]:
        """Stop it like the unit of the instance. Returns its exit code and the seconds it needed."""
        began = time.monotonic()
        engine.podman("stop", "--time", str(STOP_TIMEOUT_SECONDS), self.name)
        return self.exit_code(), time.monotonic() - began

    def health(self) -> bool:
        """Run its health check and return whether it succeeds."""
        return engine.podman("healthcheck", "run", self.name, check=False, timeout=SECONDS).returncode == 0

    def run(self, *command: str, stdin: str | None = None, check: bool = True) -> str:
        """Run a command in it as the app's user. Returns its output; with check=False, a failing command's errors."""
        flags = ["--interactive"] if stdin is not None else []
        done = engine.podman("exec", *flags, self.name, *command, stdin=stdin, check=False, timeout=SECONDS)
        assert (done.returncode == 0) == check, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if check else done.stderr

    def python(self, code: str, stdin: str | None = None) -> str:
        """Run Python code in it and return its output."""
        return self.run("python", "-c", code, stdin=stdin)

    def log(self) -> str:
        """Its whole log."""
        done = engine.podman("logs", self.name)
        return done.stdout + done.stderr

    def remove(self) -> None:
        """Remove it with its secrets and its data."""
        engine.podman("rm", "--force", "--ignore", "--time", "0", self.name)
        address.release(self.name)
        for secret in engine.podman("secret", "ls", "--format", "{{.Name}}").stdout.split():
            if secret.startswith(f"{self.name}-"):
                engine.podman("secret", "rm", secret)
        run(privileged(["rm", "-rf", self.data]))


def pull(reference: str, platform: str, name: str) -> str:
    """Pull one platform's image of an index and return its id. A name protects it from pruning."""
    trust = ["--authfile", str(registry.login_file()), "--cert-dir", str(registry.certificates())]
    options = [*trust, "--platform", platform]
    image = engine.podman("pull", "--quiet", *options, reference).stdout.split()[-1]
    engine.podman("tag", image, name)
    return image


def in_ci() -> bool:
    """Whether this is a run of CI, which must not skip a test."""
    return bool(os.environ.get("CI"))
