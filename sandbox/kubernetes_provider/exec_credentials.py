"""Credentials from a program that a kubeconfig names (`users[].user.exec`), as client-go's exec plugin gets them.

kubernetes.config runs such programs too, but only logs when one fails, and then calls the API server without any credentials.
Semantics: k8s.io/client-go from 0.35 on, plugin/pkg/client/auth/exec/exec.go: the command is cleaned (`./login` becomes `login`), and
looked up on PATH if it has no slash then; the environment is the process's own with the kubeconfig's values on top; one run serves until
its expirationTimestamp or until the server says 401.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from sandbox.kubernetes_provider.errors import UnreachableError

_HELP = (
    "\n\nIt looks like you are trying to use a client-go credential plugin that is not installed.\n\n"
    "To learn more about this feature, consult the documentation available at:\n"
    "      https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins"
)
_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass
class ExecCredentials:
    """The program, and what it answered last. cluster: the kubeconfig's entry, for `provideClusterInfo`."""

    spec: Mapping[str, Any]
    cluster: Mapping[str, Any]
    _answer: dict[str, Any] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def status(self) -> dict[str, Any]:
        """token, clientCertificateData, clientKeyData: those it gave. Runs the program when there is no answer that still holds."""
        with self._lock:
            if self._answer is None or _expired(self._answer):
                self._answer = self._run()
            return self._answer

    def forget(self) -> None:
        """The server did not accept them: run the program again the next time."""
        with self._lock:
            self._answer = None

    def _run(self) -> dict[str, Any]:
        command, version = self.spec.get("command"), self.spec.get("apiVersion")
        if not command or version not in _VERSIONS:
            raise UnreachableError(f"exec plugin: command and an apiVersion of {' or '.join(_VERSIONS)} are needed")
        if self.spec.get("interactiveMode") == "Always":
            raise UnreachableError("exec plugin cannot support interactive mode: standard input is unavailable")
        info: dict[str, Any] = {"kind": "ExecCredential", "apiVersion": version, "spec": {"interactive": False}}
        if self.spec.get("provideClusterInfo"):
            info["spec"]["cluster"] = _cluster_info(self.cluster)
        command = os.path.normpath(command)
        program = command if "/" in command else shutil.which(command)
        if program is None:
            hint = self.spec.get("installHint")
            raise UnreachableError(
                f"getting credentials: exec: executable {command} not found{_HELP}" + (f"\n\n{hint}" if hint else "")
            )
        extra = {entry["name"]: entry["value"] for entry in self.spec.get("env") or []}
        try:
            done = subprocess.run(
                [program, *(self.spec.get("args") or [])],
                env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise UnreachableError(f"getting credentials: exec: fork/exec {program}: {error.strerror}") from None
        if done.returncode:
            raise UnreachableError(
                f"getting credentials: exec: executable {command} failed with exit code {done.returncode}: {done.stderr.strip()}"
            )
        return _status(done.stdout, version)


def _status(output: str, version: str) -> dict[str, Any]:
    # The output is a credential: no message quotes it.
    try:
        answer = json.loads(output)
    except ValueError:
        raise UnreachableError("getting credentials: exec plugin: the output is not JSON") from None
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise UnreachableError("getting credentials: exec plugin: the output is not an ExecCredential")
    if answer.get("apiVersion") != version:
        raise UnreachableError(
            f"getting credentials: exec plugin is configured to use API version {version}, plugin returned version "
            f"{answer.get('apiVersion')}"
        )
    status = answer.get("status") or {}
    if not status.get("token") and not (status.get("clientCertificateData") and status.get("clientKeyData")):
        raise UnreachableError("getting credentials: exec plugin didn't return a token or cert/key pair")
    return dict(status)


def _expired(status: Mapping[str, Any]) -> bool:
    expiry = status.get("expirationTimestamp")
    if not expiry:
        return False
    return datetime.fromisoformat(str(expiry).replace("Z", "+00:00")) <= datetime.now(timezone.utc)


def _cluster_info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "server": "server",
        "tls-server-name": "tls-server-name",
        "insecure-skip-tls-verify": "insecure-skip-tls-verify",
        "certificate-authority-data": "certificate-authority-data",
        "proxy-url": "proxy-url",
    }
    info = {wire: cluster[name] for name, wire in names.items() if name in cluster}
    for extension in cluster.get("extensions") or []:
        if extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return info
