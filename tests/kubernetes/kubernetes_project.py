"""A real control plane without nodes and a Pulumi project, for the tests of the emulated kubernetes provider."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import textwrap
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import engine, paths
from sandbox.kubernetes import image, pki
from tests.support.plugin_project import environment, lay_out
from tests.support.ports import free_port

# Registers the objects of objects.json: {name: {"type": token, "inputs": …, "options": …}}; {"secret": x} is a secret value.
PROGRAM = """\
import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes


def revealed(value):
    if isinstance(value, dict):
        if set(value) == {"secret"}:
            return pulumi.Output.secret(value["secret"])
        return {k: revealed(v) for k, v in value.items()}
    return [revealed(v) for v in value] if isinstance(value, list) else value


settings = json.loads(Path("provider.json").read_text())
cluster = kubernetes.Provider("cluster", **settings)
for name, wanted in json.loads(Path("objects.json").read_text()).items():
    options = dict(wanted.get("options", {}))
    timeouts = options.pop("custom_timeouts", None)
    if timeouts:
        options["custom_timeouts"] = pulumi.CustomTimeouts(**timeouts)
    pulumi.CustomResource(
        wanted["type"],
        name,
        revealed(wanted["inputs"]),
        pulumi.ResourceOptions(provider=cluster, version="4.34.2", **options),
    )
"""


@dataclass
class ControlPlane:
    """etcd, API server and controller manager on the loopback interface. Without nodes; tests set the status of pods."""

    folder: Path
    port: int
    token: str = "token-of-the-emulator-tests"

    @property
    def trust(self) -> ssl.SSLContext:
        """The certificate that the API server created."""
        return ssl.create_default_context(cafile=self.folder / "tls" / "apiserver.crt")

    @property
    def kubeconfig(self) -> str:
        """The content of the administrator's kubeconfig."""
        return json.dumps(kubeconfig(self.port, {"token": self.token}))

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> dict[str, Any]:
        """Send a request as the administrator. Raises HTTPError for an error."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content},
        )
        with urllib.request.urlopen(request, context=self.trust, timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def patch_status(self, path: str, status: dict[str, Any]) -> None:
        """Set a status like a kubelet or a cloud."""
        self.request("PATCH", f"{path}/status", {"status": status}, "application/merge-patch+json")

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        """Return the pods that are not being deleted."""
        items = self.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]


def kubeconfig(port: int, user: dict[str, Any]) -> dict[str, Any]:
    """Return a kubeconfig with one cluster and one user."""
    server = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": server}],
        "users": [{"name": "it", "user": user}],
    }


@contextlib.contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Run a control plane for the duration of the context."""
    plane = ControlPlane(folder, free_port())
    (folder / "tokens.csv").write_text(f'{plane.token},admin,admin,"system:masters"\n')
    (folder / "admin.conf").write_text(plane.kubeconfig)
    pki.service_account_key(folder / "sa.key")
    running: dict[str, subprocess.Popen[bytes]] = {}
    with _etcd() as etcd:
        try:
            for name, command in _commands(folder, plane.port, etcd).items():
                log = (folder / f"{name}.log").open("wb")
                running[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
                if name == "kube-apiserver":
                    _until_there(plane, "/api/v1/namespaces/default", running)
            _until_there(plane, "/api/v1/namespaces/default/serviceaccounts/default", running)
            yield plane
        finally:
            for process in reversed(running.values()):
                process.kill()
                process.wait(20)


@contextlib.contextmanager
def _etcd() -> Iterator[str]:
    """Run the etcd of the clusters' image on the loopback interface and yield its URL."""
    url, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    flags = {
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "unsafe-no-fsync": "true",
    }
    name = f"sandbox-test-etcd-{url.rpartition(':')[2]}"
    words = [f"--{flag}={value}" for flag, value in flags.items()]
    engine.podman("run", "--detach", "--rm", "--name", name, "--network", "host", image.IMAGE, "etcd", *words)
    try:
        yield url
    finally:
        engine.podman("rm", "--force", "--time", "0", name)


def _commands(folder: Path, port: int, etcd: str) -> dict[str, list[str | Path]]:
    flags: dict[str, dict[str, object]] = {
        "kube-apiserver": {
            "etcd-servers": etcd,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": port,
            "cert-dir": folder / "tls",
            "service-cluster-ip-range": "10.96.0.0/16",
            "token-auth-file": folder / "tokens.csv",
            "authorization-mode": "Node,RBAC",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": folder / "sa.key",
            "service-account-signing-key-file": folder / "sa.key",
            "endpoint-reconciler-type": "none",
        },
        "kube-controller-manager": {
            "kubeconfig": folder / "admin.conf",
            "use-service-account-credentials": "true",
            "service-account-private-key-file": folder / "sa.key",
            "root-ca-file": folder / "tls" / "apiserver.crt",
            "bind-address": "127.0.0.1",
            "secure-port": free_port(),
            "leader-elect": "false",
        },
    }
    return {
        name: [paths.BIN / name, *(f"--{flag}={value}" for flag, value in own.items())] for name, own in flags.items()
    }


def _until_there(plane: ControlPlane, path: str, running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Wait for an object. Raises AssertionError with a log if a program ends or is too slow."""

    def log(name: str) -> str:
        return f"{name}:\n{(plane.folder / f'{name}.log').read_text()[-2000:]}"

    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError, ValueError):
            if plane.request("GET", path):
                return
        for name, process in running.items():
            assert process.poll() is None, log(name)
        assert time.monotonic() < deadline, log(list(running)[-1])
        time.sleep(0.2)


@dataclass
class Project:
    """A stack of Kubernetes objects with its own backend and plugin folder."""

    folder: Path
    plane: ControlPlane
    environment: dict[str, str]

    def configure(self, **settings: Any) -> None:
        """Set the arguments of the provider."""
        (self.folder / "provider.json").write_text(json.dumps({"kubeconfig": self.plane.kubeconfig, **settings}))

    def write(self, **objects: dict[str, Any]) -> None:
        """Set the objects of the stack."""
        (self.folder / "objects.json").write_text(json.dumps(objects))

    def command(self, *args: str) -> subprocess.Popen[str]:
        """Start the CLI on the stack, with output and errors in one stream."""
        return subprocess.Popen(
            ["pulumi", *args],
            cwd=self.folder,
            env={**environment(self.folder), **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *args: str, check: bool = True) -> str:
        """Run the CLI on the stack and return its output. With check=False it has to fail."""
        process = self.command(*args)
        printed = process.communicate(timeout=300)[0]
        assert (process.returncode == 0) == check, printed
        return printed

    def start_up(self) -> subprocess.Popen[str]:
        """Start `up`."""
        return self.command("up", "--yes", "--skip-preview", "--non-interactive")

    def up(self, check: bool = True) -> str:
        """Run `up`."""
        return self.pulumi("up", "--yes", "--skip-preview", "--non-interactive", check=check)

    def steps(self) -> list[tuple[str, str]]:
        """Return the planned operations and their resources, without "same"."""
        plan = json.loads(self.pulumi("preview", "--json"))
        return [
            (step["op"], step["urn"].rsplit("::", 1)[1])
            for step in plan["steps"]
            if step["op"] != "same" and "pulumi:pulumi:Stack" not in step["urn"]
        ]

    def export(self) -> str:
        """Return the state with encrypted secrets."""
        return self.pulumi("stack", "export")

    def state(self, name: str) -> dict[str, Any]:
        """Return a resource of the state."""
        resources = json.loads(self.export())["deployment"].get("resources", [])
        return next(r for r in resources if r["urn"].endswith(f"::{name}"))


def new_project(folder: Path, plane: ControlPlane) -> Project:
    """Create a project with an empty stack."""
    lay_out(folder, "objects", "kubernetes", "4.34.2", "sandbox.kubernetes_provider")
    (folder / "__main__.py").write_text(textwrap.dedent(PROGRAM))
    project = Project(folder, plane, {})
    project.configure()
    project.write()
    project.pulumi("stack", "init", "test")
    return project
