"""A Pulumi project on the emulated Oracle Cloud, with its own backend, plugin folder and cloud."""

from __future__ import annotations

import json
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import paths
from sandbox.oci import sdk
from tests.support.plugin_project import environment, lay_out

PRELUDE = f"""\
import pulumi
import pulumi_oci as oci

TENANCY = "{paths.TENANCY_OCID}"
"""


@dataclass
class Project:
    """One stack, "test"."""

    folder: Path

    @property
    def cloud(self) -> Path:
        """The folder of the cloud's state."""
        return self.folder / "sandbox" / "cloud"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the CLI."""
        return {**environment(self.folder), "SANDBOX_HOME": str(self.folder / "sandbox")}

    def write(self, program: str) -> None:
        """Set the program; it has `oci`, `pulumi` and TENANCY."""
        (self.folder / "__main__.py").write_text(PRELUDE + textwrap.dedent(program))

    def pulumi(self, *arguments: str, check: bool = True) -> str:
        """Run the CLI on the stack and return its output. With check=False it has to fail."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode == 0) == check, done.stdout
        return done.stdout

    def up(self, check: bool = True) -> str:
        """Run `up`."""
        return self.pulumi("up", "--yes", "--skip-preview", check=check)

    def planned(self) -> dict[str, str]:
        """Return the planned operation of each changed resource."""
        steps = json.loads(self.pulumi("preview", "--json"))["steps"]
        return {
            name_of(step["urn"]): step["op"]
            for step in steps
            if step["op"] != "same" and "pulumi:pulumi" not in step["urn"]
        }

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the resources of the state by name."""
        resources = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])
        return {name_of(resource["urn"]): resource for resource in resources}

    def records(self, kind: str) -> list[Path]:
        """Return the cloud's files of a kind of resource."""
        return sorted((self.cloud / "resources" / kind).glob("*.json"))


def name_of(urn: str) -> str:
    """Return the resource's name in the program."""
    return urn.rsplit("::", 1)[1]


def new_project(folder: Path) -> Project:
    """Create a project with an empty stack and the sandbox's account."""
    lay_out(folder, "cloud", "oci", sdk.version(), "sandbox.oci")
    account = {"oci:region": paths.REGION, "oci:tenancyOcid": paths.TENANCY_OCID, "oci:userOcid": paths.USER_OCID}
    project = Project(folder)
    project.write("")
    project.pulumi("stack", "init", "test")
    (folder / "Pulumi.test.yaml").write_text(json.dumps({"config": account}))
    return project
