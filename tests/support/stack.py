"""A stack of this project on the sandbox, used through the real Pulumi CLI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from operations.review.engine import DRIFT_OR_CHANGES

ROOT = Path(__file__).parents[2]
PULUMI = ROOT / "sandbox" / "pulumi"
PROJECT = "containerised-app"
SECRET_KEYS = ("password", "registryToken", "tlsPrivateKey")


class PulumiError(AssertionError):
    """The CLI failed. The message contains all its output."""


class Stack:
    """A stack with its own configuration file, a copy of `like` (the overlay of a committed stack).

    program: the project's folder; log: all output of the CLI; secrets: every secret value that was set; password: the current one.
    """

    def __init__(self, name: str, folder: Path, like: Path, program: Path = ROOT) -> None:
        self.name = name
        self.folder = folder
        self.program = program
        self.config_file = folder / f"Pulumi.{name}.yaml"
        self.config_file.write_text(like.read_text())
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.log = ""
        self.event_logs: list[Path] = []
        self.secrets: list[str] = []
        self.password = ""
        self._outputs: dict[str, Any] | None = None

    def pulumi(self, *args: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `pulumi args…` on this stack. Raises PulumiError unless `check` is False."""
        done = subprocess.run(
            [str(PULUMI), *args, "--stack", self.name, "--non-interactive", "--color", "never"],
            cwd=self.program,
            # The first enables --event-log. The second keeps temporary files in the stack's folder.
            env={**os.environ, "PULUMI_DEBUG_COMMANDS": "true", "TMPDIR": str(self.temporary)},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        self.log += done.stdout + done.stderr
        if check and done.returncode:
            raise PulumiError(f"pulumi {' '.join(args)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def init(self) -> None:
        """Create the stack in the sandbox's backend."""
        self.pulumi("stack", "init", self.name, check=False)

    def clear(self) -> None:
        """Destroy and remove the stack, if it exists, and break the lock of an interrupted run."""
        listed = json.loads(self.pulumi("stack", "ls", "--json").stdout)
        if self.name not in (entry["name"].split("/")[-1] for entry in listed):
            return
        self.pulumi("cancel", "--yes", check=False)
        self.destroy()
        self.remove()

    def configure(self, **values: Any) -> None:
        """Set keys of the project in the stack's file: secrets by `pulumi config set --secret`. None removes a key."""
        document = yaml.safe_load(self.config_file.read_text())
        plain = {key: value for key, value in values.items() if key not in SECRET_KEYS or value is None}
        for key, value in plain.items():
            if value is None:
                document["config"].pop(f"{PROJECT}:{key}", None)
            else:
                document["config"][f"{PROJECT}:{key}"] = value
        self.config_file.write_text(yaml.safe_dump(document))
        for key in values.keys() - plain.keys():
            self.pulumi(*self._config("config", "set", "--secret", key), stdin=values[key])
            self.secrets.append(values[key])
            if key == "password":
                self.password = values[key]

    def preview(self, *args: str) -> dict[str, str]:
        """The planned steps: logical name to operation ("create", "update", "replace", …), without "same"."""
        return self._steps("preview", *args)

    def up(self, *args: str) -> dict[str, str]:
        """The executed steps, in the form of `preview`."""
        return self._steps("up", "--yes", "--skip-preview", *args)

    def refresh(self, *args: str) -> dict[str, str]:
        """The result of a refresh: "update" if the cloud's state differs, "delete" if the resource is gone."""
        return self._steps("refresh", "--yes", "--skip-preview", *args)

    def drift(self) -> dict[str, str]:
        """The report of the drift command: logical name to "update", or "delete" if the resource is gone.

        Raises AssertionError if its exit code differs from the report.
        """
        summary = self.folder / "drift.md"
        command = [sys.executable, "-m", "operations.review", "drift", "--pulumi", str(PULUMI), "--stack", self.name]
        done = subprocess.run(
            [*command, "--summary", str(summary), "--", *self._config("--non-interactive", "--color", "never")],
            cwd=self.program,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        text = summary.read_text()
        self.log += done.stdout + done.stderr + text
        reported = re.findall(r"^- \*\*`([^`]+)`\*\* .*(\n  - is gone)?", text, re.MULTILINE)
        found = {name: "delete" if gone else "update" for name, gone in reported}
        assert done.returncode == (DRIFT_OR_CHANGES if found else 0), f"{done.returncode}:\n{done.stderr}\n{text}"
        return found

    def destroy(self, *args: str) -> dict[str, str]:
        """Destroy all resources."""
        return self._steps("destroy", "--yes", "--skip-preview", *args)

    def remove(self) -> None:
        """Remove the empty stack from the backend."""
        self.pulumi("stack", "rm", "--yes")

    def output(self, name: str) -> Any:
        """One output of the stack."""
        if self._outputs is None:
            self._outputs = json.loads(self.pulumi("stack", "output", "--json").stdout)
        return self._outputs[name]

    def export(self, *args: str) -> dict[str, Any]:
        """The result of `pulumi stack export`."""
        exported: dict[str, Any] = json.loads(self.pulumi("stack", "export", *args).stdout)
        return exported

    def _config(self, *args: str) -> tuple[str, ...]:
        return (*args, "--config-file", str(self.config_file))

    def _steps(self, command: str, *args: str) -> dict[str, str]:
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=f"{command}-", suffix=".jsonl", delete=False) as file:
            events = Path(file.name)
        self.event_logs.append(events)
        self._outputs = None
        self.pulumi(*self._config(command, *args), "--event-log", str(events))
        return steps(events.read_text())


def steps(event_log: str) -> dict[str, str]:
    """Logical name to operation, from the engine's event log, without components and unchanged resources.

    The steps of one replacement ("create-replacement", "replace", "delete-replaced") become "replace"; a refresh becomes its result.
    """
    found: dict[str, str] = {}
    for line in event_log.splitlines():
        event = json.loads(line)
        found.update(_step(event, "resourcePreEvent", ignored=("same", "read", "refresh")))
        # The result of a refresh is in the second event (source: pulumi, pkg/engine/update.go, OnResourceStepPost).
        found.update(_step(event, "resOutputsEvent", ignored=("same", "read", "refresh")))
    return found


def _step(event: Mapping[str, Any], kind: str, ignored: tuple[str, ...]) -> dict[str, str]:
    metadata: Mapping[str, Any] = event.get(kind, {}).get("metadata", {})
    operation, urn = metadata.get("op"), metadata.get("urn", "")
    type_name = urn.split("::")[2].split("$")[-1] if urn else ""
    if operation is None or operation in ignored or type_name.startswith(("pulumi:", f"{PROJECT}:")):
        return {}
    return {urn.split("::")[-1]: "replace" if "replace" in str(operation) else str(operation)}
