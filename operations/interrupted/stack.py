"""The stack as this package reads and writes it, through the Pulumi CLI."""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.review.engine import EngineError, output
from specs.shell import quoted

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
        exported: Json = json.loads(self._run("stack", "export"))
        return exported

    def replace(self, exported: Json) -> None:
        """Write its state, without pending operations. Pulumi refuses this during an update, and after a kill until `pulumi cancel`."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(exported, file)
            file.flush()
            self._run("stack", "import", "--file", file.name)

    def refresh(self, urns: Sequence[str]) -> None:
        """Read these resources from the cloud into the state."""
        self._run("refresh", "--yes", "--skip-preview", *(word for urn in urns for word in ("--target", urn)))

    def _run(self, *arguments: str) -> str:
        try:
            return output(self.pulumi, self.name, [*arguments, "--non-interactive"])
        except EngineError as error:
            text = str(error)
            if "currently locked" in text:
                text += f"\nIf that run was killed: {self.pulumi} cancel --yes --stack {quoted(self.name)}"
            elif text.endswith("EOF"):
                text += self._empty_attributes()
            raise UnresolvedError(text) from None

    def _empty_attributes(self) -> str:
        """Return the command that makes the state readable after a kill; "" if the backend is not a folder.

        Pulumi writes the state atomically. But beside each of its files it keeps the file's type, `<file>.attrs`, and a kill can leave that
        one empty (source: gocloud.dev, fileblob/attrs.go, setAttrs). Pulumi reads the state without the `.attrs` file as well.
        """
        command = [*shlex.split(self.pulumi), "whoami", "--json", "--non-interactive"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        url = json.loads(done.stdout)["url"] if done.returncode == 0 else ""
        if not url.startswith("file://"):
            return ""
        folder = quoted(str(Path(url.removeprefix("file://").partition("?")[0]).expanduser() / ".pulumi"))
        return (
            "\nA killed run left empty files beside the state; the state itself is complete. This deletes them:\n"
            f"    find {folder} -name '*.attrs' -empty -delete"
        )
