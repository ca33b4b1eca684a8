"""Reviews (`python3 -m operations.review`) of a project on the OCI emulator, and readers of their results."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine.oci_project import Project
from tests.support.stack import ROOT

# A Pulumi that keeps a copy of each event log: the steps of the engine, independent of the review.
RECORDING_PULUMI = """\
#!/bin/sh
pulumi "$@" --non-interactive --color never
code=$?
log=
for word in "$@"; do
    [ "$log" != next ] || { [ ! -e "$word" ] || cp "$word" logs/"$1".jsonl; }
    log=
    [ "$word" != --event-log ] || log=next
done
exit $code
"""


@dataclass
class Reviewed:
    """A project with a stack "test" that only reviews change. printed: all output."""

    project: Project
    printed: str = ""
    codes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.project.folder / "logs").mkdir(exist_ok=True)
        pulumi = self.project.folder / "recording-pulumi"
        pulumi.write_text(RECORDING_PULUMI)
        pulumi.chmod(0o755)

    @property
    def plan(self) -> Path:
        """The file of the plan."""
        return self.project.folder / "plan.json"

    @property
    def summary(self) -> str:
        """The last summary."""
        return (self.project.folder / "summary.md").read_text()

    def run(self, operation: str, *args: str, stack: str = "test", plan: bool = True) -> int:
        """Run `review operation` and return the exit code."""
        folder = self.project.folder
        (folder / "summary.md").unlink(missing_ok=True)
        planned = ["--plan", "plan.json"] if plan and operation != "drift" else []
        done = subprocess.run(
            [
                *("python3", "-m", "operations.review", operation, "--pulumi", "./recording-pulumi", "--stack", stack),
                *("--summary", "summary.md", *planned, "--", *args),
            ],
            cwd=folder,
            env={
                **self.project.environment,
                "PYTHONPATH": str(ROOT),
                "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        self.printed += done.stdout
        self.codes.append(done.returncode)
        return done.returncode

    def steps(self, command: str) -> dict[str, list[dict[str, Any]]]:
        """URN to the steps of the resource in the engine's log of the last `pulumi command`, without the root and unchanged resources."""
        found: dict[str, list[dict[str, Any]]] = {}
        for line in (self.project.folder / "logs" / f"{command}.jsonl").read_text().splitlines():
            step = json.loads(line).get("resourcePreEvent", {}).get("metadata")
            own = step and step["type"] != "pulumi:pulumi:Stack" and "::default_" not in step["urn"]
            if own and not (step["op"] == "same" and unmoved(step)):
                found.setdefault(step["urn"], []).append(step)
        return found


def copied(folder: Path, to: Path) -> Reviewed:
    """Copy a project with its stack, its cloud and its plan."""
    # A volume is an empty file of 50 GB.
    subprocess.run(["cp", "--archive", "--sparse=always", str(folder), str(to)], check=True)
    project = Project(to)
    # Pulumi stores the selected stack by the path of the folder.
    project.pulumi("stack", "select", "test")
    return Reviewed(project)


def unmoved(step: Mapping[str, Any]) -> bool:
    """Whether a resource keeps its place and its options."""
    options = ("urn", "protect", "retainOnDelete")
    # Without the id, which a new provider does not have yet.
    old, new = (
        [*(step[side].get(key) for key in options), step[side]["provider"].rpartition("::")[0]]
        for side in ("old", "new")
    )
    return old == new


def operations(steps: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """URN to the operations of the engine."""
    return {urn: [step["op"] for step in of_one] for urn, of_one in steps.items()}


def headed(steps: Mapping[str, list[dict[str, Any]]]) -> set[tuple[str, str]]:
    """(heading, name) that a summary must have for these steps, computed independently."""
    found = set()
    for urn, of_one in steps.items():
        done = [step["op"] for step in of_one]
        if "replace" in done or "create-replacement" in done:
            heading = "Replaced"
        elif done == ["delete"]:
            heading = "Kept in the cloud" if of_one[0]["old"].get("retainOnDelete") else "Deleted"
        else:
            [only] = done
            heading = {"create": "Created", "update": "Changed", "import": "Adopted", "same": "Moved"}[only]
        found.add((heading, urn.rsplit("::", 1)[1]))
    return found


def shown(summary: str) -> set[tuple[str, str]]:
    """Return (heading, name) of all changes in a summary."""
    found = set()
    heading = ""
    for line in summary.partition("<details>")[0].splitlines():
        if line.startswith("#### "):
            heading = re.split(",", line.removeprefix("#### "))[0]
        elif match := re.match(r"- \*\*`([^`]+)`\*\*", line):
            found.add((heading, match[1]))
    return found
