"""The stack as this package reads and writes it, through the Pulumi CLI."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.review.remedy import no_program
from specs.shell import quoted

ROOT = Path(__file__).resolve().parents[2]
Json = dict[str, Any]


class UnresolvedError(Exception):
    """The stack cannot be repaired yet; the message says why, and what to do."""


@dataclass
class Stack:
    """A stack by its name. pulumi: the command that runs Pulumi."""

    name: str
    pulumi: str

    def export(self) -> Json:
        """Return its state; secrets stay encrypted."""
        exported: Json = json.loads(self._run("stack", "export", capture=True))
        return exported

    def replace(self, exported: Json) -> None:
        """Write its state, without pending operations. Pulumi refuses this during an update, and after a kill until `pulumi cancel`."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(exported, file)
            file.flush()
            self._run("stack", "import", "--file", file.name, capture=True)

    def refresh(self, urns: Sequence[str]) -> None:
        """Read these resources from the cloud into the state."""
        targets = [word for urn in urns for word in ("--target", urn)]
        self._run("refresh", "--yes", "--skip-preview", *targets)

    def _run(self, *arguments: str, capture: bool = False) -> str:
        command = [*shlex.split(self.pulumi), *arguments, "--stack", self.name, "--non-interactive"]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=capture, text=True, check=False)
        except FileNotFoundError:
            sys.exit(f"error: {no_program(self.pulumi)}")
        if done.returncode:
            error = done.stderr or ""
            if "currently locked" in error:
                error += f"\nIf that run was killed: {self.pulumi} cancel --yes --stack {quoted(self.name)}"
            elif error.rstrip().endswith("EOF"):
                error += self._empty_attributes()
            print(error.strip(), file=sys.stderr)
            sys.exit(done.returncode)
        return done.stdout or ""

    def _empty_attributes(self) -> str:
        """Return the command that makes the state readable after a kill; "" if the backend is not a folder.

        Pulumi writes the state atomically. But beside each of its files it keeps the file's type, `<file>.attrs`, and a kill can leave that
        one empty (source: gocloud.dev, fileblob/attrs.go, setAttrs). Pulumi reads the state without the `.attrs` file as well.
        """
        command = [*shlex.split(self.pulumi), "whoami", "--json", "--non-interactive"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        url = json.loads(done.stdout)["url"] if done.returncode == 0 else ""
        if not url.startswith("file://"):
            return ""
        folder = quoted(str(Path(url.removeprefix("file://").partition("?")[0]).expanduser() / ".pulumi"))
        return (
            "\nA killed run left empty files beside the state; the state itself is complete. This deletes them:\n"
            f"    find {folder} -name '*.attrs' -empty -delete"
        )
