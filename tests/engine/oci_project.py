"""A Pulumi project on the Oracle Cloud stand-in, with a backend, a plugin folder and a cloud of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import paths
from sandbox.oci import sdk

LAUNCHER = """\
#!/bin/sh
PYTHONPATH='{root}' exec '{python}' -m sandbox.oci "$@"
"""

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

    def write(self, program: str) -> None:
        """Set the program; it has `oci`, `pulumi` and TENANCY."""
        (self.folder / "__main__.py").write_text(PRELUDE + textwrap.dedent(program))

    def pulumi(self, *arguments: str, check: bool = True) -> str:
        """Run the CLI on the stack; everything it printed. `check`: that it ended well, or that it did not."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self._environment(),
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
        """Apply the program."""
        return self.pulumi("up", "--yes", "--skip-preview", check=check)

    def planned(self) -> dict[str, str]:
        """The operation which the engine plans for each resource that does not stay the same."""
        steps = json.loads(self.pulumi("preview", "--json"))["steps"]
        return {
            name_of(step["urn"]): step["op"]
            for step in steps
            if step["op"] != "same" and "pulumi:pulumi" not in step["urn"]
        }

    def state(self) -> dict[str, dict[str, Any]]:
        """What the stack's state holds of each resource."""
        resources = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])
        return {name_of(resource["urn"]): resource for resource in resources}

    def records(self, kind: str) -> list[Path]:
        """The cloud's files of a kind of resource."""
        return sorted((self.cloud / "resources" / kind).glob("*.json"))

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(paths.VENV / "bin"), str(paths.BIN), os.environ["PATH"]])
        return {
            "PATH": path,
            "HOME": str(self.folder),
            "SANDBOX_HOME": str(self.folder / "sandbox"),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "of a test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }


def name_of(urn: str) -> str:
    """The resource's name in the program."""
    return urn.rsplit("::", 1)[1]


def new_project(folder: Path) -> Project:
    """A project with an empty stack and the sandbox's account."""
    (folder / "Pulumi.yaml").write_text("name: cloud\nruntime: python\n")
    account = {"oci:region": paths.REGION, "oci:tenancyOcid": paths.TENANCY_OCID, "oci:userOcid": paths.USER_OCID}
    launcher = folder / "home" / "plugins" / f"resource-oci-v{sdk.version()}" / "pulumi-resource-oci"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(LAUNCHER.format(root=paths.ROOT, python=sys.executable))
    launcher.chmod(0o755)
    (folder / "backend").mkdir()
    project = Project(folder)
    project.write("")
    project.pulumi("stack", "init", "test")
    (folder / "Pulumi.test.yaml").write_text(json.dumps({"config": account}))
    return project
