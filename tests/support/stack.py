"""A stack of this project on the sandbox, driven through the real Pulumi CLI as a person would."""

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
    """The CLI ended with an error; the message holds everything it printed."""


class Stack:
    """One stack with a configuration file of its own, which starts as a copy of `like` (the overlay of a committed stack).

    `name`: of the stack; `program`: the project's folder; `log`: everything the CLI ever printed for it; `secrets`: every
    secret value it was ever given; `password`: the last one of them.
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
            # Without the first the CLI has no --event-log; with the second, what is left of temporary files is with the rest.
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
        """Make the stack in the sandbox's backend."""
        self.pulumi("stack", "init", self.name, check=False)

    def clear(self) -> None:
        """Take back all that the stack has and the stack itself; content when there is no such stack.

        It is for tests' beginnings and ends, so a lock which an interrupted run left is broken.
        """
        listed = json.loads(self.pulumi("stack", "ls", "--json").stdout)
        if self.name not in (entry["name"].split("/")[-1] for entry in listed):
            return
        self.pulumi("cancel", "--yes", check=False)
        self.destroy()
        self.remove()

    def configure(self, **values: Any) -> None:
        """Set keys of the project in the stack's file; secrets through `pulumi config set --secret`, None removes a key."""
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
        """The steps planned: logical name to operation ("create", "update", "replace", …) of all that is not "same"."""
        return self._steps("preview", *args)

    def up(self, *args: str) -> dict[str, str]:
        """The steps done, as `preview` returns them."""
        return self._steps("up", "--yes", "--skip-preview", *args)

    def refresh(self, *args: str) -> dict[str, str]:
        """What a refresh found: "update" where the cloud had another state, "delete" where it had none."""
        return self._steps("refresh", "--yes", "--skip-preview", *args)

    def drift(self) -> dict[str, str]:
        """What the drift command tells: logical name to "update", or "delete" for what is gone. Changes neither cloud nor state.

        Raises AssertionError where its exit code says otherwise.
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
        told = re.findall(r"^- \*\*`([^`]+)`\*\* .*(\n  - is gone)?", text, re.MULTILINE)
        found = {name: "delete" if gone else "update" for name, gone in told}
        assert done.returncode == (DRIFT_OR_CHANGES if found else 0), f"{done.returncode}:\n{done.stderr}\n{text}"
        return found

    def destroy(self, *args: str) -> dict[str, str]:
        """Take everything back."""
        return self._steps("destroy", "--yes", "--skip-preview", *args)

    def remove(self) -> None:
        """Remove the stack, which has to be empty, from the backend."""
        self.pulumi("stack", "rm", "--yes")

    def output(self, name: str) -> Any:
        """One output of the stack."""
        if self._outputs is None:
            self._outputs = json.loads(self.pulumi("stack", "output", "--json").stdout)
        return self._outputs[name]

    def export(self, *args: str) -> dict[str, Any]:
        """`pulumi stack export`."""
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
    """Logical name to operation, from the engine's own event log; components and what stays the same are left out.

    Of the steps of one replacement ("create-replacement", "replace", "delete-replaced") only "replace" is told, and of a refresh
    what it found.
    """
    found: dict[str, str] = {}
    for line in event_log.splitlines():
        event = json.loads(line)
        found.update(_step(event, "resourcePreEvent", ignored=("same", "read", "refresh")))
        # What a refresh finds is known only afterwards (source: pulumi, pkg/engine/update.go, OnResourceStepPost).
        found.update(_step(event, "resOutputsEvent", ignored=("same", "read", "refresh")))
    return found


def _step(event: Mapping[str, Any], kind: str, ignored: tuple[str, ...]) -> dict[str, str]:
    metadata: Mapping[str, Any] = event.get(kind, {}).get("metadata", {})
    operation, urn = metadata.get("op"), metadata.get("urn", "")
    type_name = urn.split("::")[2].split("$")[-1] if urn else ""
    if operation is None or operation in ignored or type_name.startswith(("pulumi:", f"{PROJECT}:")):
        return {}
    return {urn.split("::")[-1]: "replace" if "replace" in str(operation) else str(operation)}
