"""A project on the OCI emulator. Its engine can be killed during any step, and repaired as a person does it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox import paths
from sandbox.oci import sdk
from tests.engine.oci_project import Project, name_of, new_project
from tests.support.killing import kill_when
from tests.support.plugin_project import LAUNCHER
from tests.support.stack import ROOT

SECONDS_UNTIL_HELD = 120
SECONDS_AT_REST = 2


@dataclass
class KilledProject(Project):
    """A project with a killable engine. program: the command in the place of `pulumi`."""

    @property
    def program(self) -> Path:
        return self.folder / "pulumi"

    def killed(self, command: str, operation: str, when: str, *names: str, some: bool = False) -> set[str]:
        """Run `pulumi command`, and SIGKILL it with all its plugins when the steps of `names` are held (tests/support/held_oci.py).

        some: kill it when one of them is held and the others have ended. Returns the held ones.
        """
        home = self.folder / "sandbox"
        home.mkdir(exist_ok=True)
        (home / "hold.json").write_text(json.dumps(dict.fromkeys(names, (operation, when))))
        marks = {name: home / f"held-{name}" for name in names}

        at_rest_since = time.monotonic()

        def due() -> bool:
            nonlocal at_rest_since
            stuck = {name for name, mark in marks.items() if mark.exists()}
            # Wait until the other steps have ended and the state shows it.
            if not stuck or not (some or stuck == set(names)) or self.under_way() != stuck:
                at_rest_since = time.monotonic()
            return time.monotonic() - at_rest_since > SECONDS_AT_REST

        process = subprocess.Popen(
            [self.program, command, "--yes", "--skip-preview", "--non-interactive", "--color", "never"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "killed.log").open("w"),
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            kill_when(process, due, SECONDS_UNTIL_HELD)
            return {name for name, mark in marks.items() if mark.exists()}
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{(self.folder / 'killed.log').read_text()}") from None
        finally:
            (home / "hold.json").unlink()
            for mark in marks.values():
                mark.unlink(missing_ok=True)

    def under_way(self) -> set[str]:
        """Return the names of the pending operations in the state's file."""
        file = self.folder / "backend" / ".pulumi" / "stacks" / "cloud" / "test.json"
        operations = json.loads(file.read_text())["checkpoint"]["latest"].get("pending_operations") or []
        return {name_of(operation["resource"]["urn"]) for operation in operations}

    def unlock(self) -> None:
        """Run `pulumi cancel`, as the error of the next run says."""
        printed = self.up(check=False)
        assert "the stack is currently locked by 1 lock(s)" in printed, printed
        assert "pulumi cancel" in printed
        self.pulumi("cancel", "--yes")

    def interrupted(self, *found: str, status: int = 0) -> str:
        """Run `make interrupted`; return its output."""
        return self.run(
            ["make", "interrupted", "STACK=test", f"PULUMI={self.program}", f"FOUND={' '.join(found)}"], status
        )

    def answered(self, question: str, answers: Mapping[str, str]) -> str:
        """Run the command at the end of the question, with the answers in the place of its question marks."""
        command = question.strip().splitlines()[-2 if "make: ***" in question else -1].strip()
        for name, answer in answers.items():
            command = command.replace(f"{name}=?", f"{name}={answer}")
        assert "?" not in command
        return self.run(shlex.split(command), 0)

    def run(self, command: list[str], status: int) -> str:
        """Run a command in the checkout; return its output."""
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300
        )
        # make ends with 2 if the command does not end with 0.
        assert done.returncode == (2 if status else 0), done.stdout
        return done.stdout

    def in_cloud(self) -> dict[str, str]:
        """Return the id of every resource in the cloud, and its display name or description."""
        records = [json.loads(file.read_text()) for file in (self.cloud / "resources").glob("*/*.json")]
        return {
            record["id"]: record["properties"].get("displayName") or record["properties"].get("description", "")
            for record in records
        }

    def in_state(self) -> set[str]:
        """Return the ids of the cloud's resources in the state."""
        resources = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])
        return {one["id"] for one in resources if one["type"].startswith("oci:")}

    def id_of(self, display_name: str, *but: str) -> str:
        """Return the id of the one resource in the cloud with this display name or description, or "none"."""
        found = [id for id, name in self.in_cloud().items() if name == display_name and id not in but]
        assert len(found) <= 1
        return found[0] if found else "none"

    def delete_by_hand(self, id: str) -> None:
        """Delete a resource as a person does in the console, with the default resources of a VCN."""
        for file in (self.cloud / "resources").glob("*/*.json"):
            record = json.loads(file.read_text())
            if id in (record["id"], record["owner"]):
                file.unlink()

    def converges(self) -> None:
        """Check that `up` succeeds, that a second one changes nothing, and that cloud and state have the same resources."""
        self.up()
        self.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        self.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
        exported = json.loads(self.pulumi("stack", "export"))["deployment"]
        assert not exported.get("pending_operations")
        assert not [one["urn"] for one in exported.get("resources", []) if one.get("delete")]
        # The default resources of a VCN are only in the cloud, except the list that the program adopts.
        default = re.compile(r"ocid1\.(routetable|securitylist|dhcpoptions)\.")
        own = {id for id, name in self.in_cloud().items() if not (default.match(id) and name.startswith("Default "))}
        assert {id for id in self.in_state() if not default.match(id)} == {id for id in own if not default.match(id)}
        assert {id for id in own if default.match(id)} <= self.in_state()


def new_killed_project(folder: Path) -> KilledProject:
    """Return the project with an empty stack and a plugin that can be held."""
    new_project(folder)
    launcher = next((folder / "home" / "plugins").glob(f"resource-oci-v{sdk.version()}/pulumi-resource-oci"))
    python = shlex.split(launcher.read_text().splitlines()[1])[2]
    launcher.write_text(LAUNCHER.format(root=paths.ROOT, python=python, module="tests.support.held_oci"))
    project = KilledProject(folder)
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in project.environment.items())
    project.program.write_text(f'#!/bin/sh\n{exports}\ncd {shlex.quote(str(folder))}\nexec pulumi "$@"\n')
    project.program.chmod(0o755)
    return project
