"""A team that deploys a stack with the workflows: repository, state, cloud, and settings at GitHub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sandbox import account, paths
from sandbox.dry_run import home
from tests.support import home_folder
from tests.support.github_server import GitHub
from tests.support.secret_search import Needles, files, find_secret, text
from tests.support.workflow_repository import Repository, set_keys, without_local_stacks
from tests.support.workflow_runner import Run, Setting

PASSWORD, TOKEN, PASSPHRASE = "correct-horse-battery", "registry-token-of-the-test", "passphrase-of-the-test"


class Team:
    """The team's stack dev: its committed file, its state, and its settings at GitHub."""

    def __init__(self, folder: Path, github: GitHub) -> None:
        self.cloud = home.make("workflows")
        self.backend = folder / "backend"
        self.backend.mkdir()
        self.folder = folder
        self.github = github
        self.repository = Repository(folder / "repository", self._prepare)
        machine = {
            "PULUMI_HOME": str(self.cloud / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "SANDBOX_HOME": str(paths.HOME),
        }
        self.needles = Needles(
            {
                "password": PASSWORD,
                "token": TOKEN,
                "passphrase": PASSPHRASE,
                "SSH key": account.SSH_KEY.read_text().splitlines()[1],
                "API key": account.API_KEY.read_text().splitlines()[1],
            }
        )
        secrets = {
            "OCI_PRIVATE_KEY": account.API_KEY.read_text(),
            "SSH_PRIVATE_KEY": account.SSH_KEY.read_text(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        }
        # The values that the console shows.
        variables = {
            "OCI_REGION": paths.REGION,
            "OCI_TENANCY": paths.TENANCY_OCID,
            "OCI_USER": paths.USER_OCID,
            "OCI_FINGERPRINT": account.api_fingerprint(),
        }
        self.setting = Setting(
            self.repository.folder,
            folder / "runs",
            github,
            {"dev": secrets, "dev-read": dict(secrets)},
            {
                "": {"PULUMI_BACKEND_URL": f"file://{self.backend}", "DEPLOYED_STACKS": '["dev"]', "MAIN_STACK": ""},
                "dev": variables,
                "dev-read": {**variables, "OCI_USER": paths.COLLEAGUE_OCID},
            },
            machine,
        )

    def pulumi(self, folder: Path, *args: str, stdin: str | None = None) -> str:
        """Run pulumi on a person's own machine."""
        own = self.folder / "home-of-somebody"
        if not own.exists():
            (own / ".ssh").mkdir(parents=True)
            shutil.copy(account.SSH_KEY, own / ".ssh")
            (own / ".oci").mkdir()
            shutil.copy(account.OCI_CONFIG, own / ".oci" / "config")
        environment = {
            **os.environ,
            "PULUMI_HOME": str(self.cloud / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.backend}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            **home_folder.environment(own),
        }
        done = subprocess.run(
            ["pulumi", *args, "--stack", "dev", "--non-interactive"],
            cwd=folder,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _prepare(self, folder: Path) -> None:
        without_local_stacks(folder)
        set_keys(
            folder,
            "dev",
            compartmentId=paths.TENANCY_OCID,
            registryUsername=paths.USER_NAME,
            sshNetworks=["203.0.113.7/32"],
        )
        self.pulumi(folder, "stack", "init")
        self.pulumi(folder, "config", "set", "--secret", "password", stdin=PASSWORD)
        self.pulumi(folder, "config", "set", "--secret", "registryToken", stdin=TOKEN)

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources in the state by name."""
        exported = json.loads(self.pulumi(self.repository.folder, "stack", "export"))
        return {one["urn"].split("::")[-1]: one for one in exported["deployment"].get("resources", []) if one.get("id")}

    def record(self, kind: str, **wanted: Any) -> Path:
        """The file of a resource in the cloud."""
        for file in (self.cloud / "cloud" / "resources" / kind).glob("*.json"):
            properties = json.loads(file.read_text())["properties"]
            if all(properties.get(key) == value for key, value in wanted.items()):
                return file
        raise AssertionError(f"no {kind} with {wanted}")

    def found_secrets(self, *runs: Run) -> list[str]:
        """The logs, summaries and artifacts that contain a secret."""
        seen = [text(f"log of {label}", log) for run in runs for label, log in run.logs.items()]
        seen += [text(f"summary of {label}", summary) for run in runs for label, summary in run.summaries.items()]
        return find_secret([*seen, *files(self.setting.folder / "artifacts")], self.needles)

    def left_over(self) -> list[Path]:
        """Files of the account that a job has left on its machine."""
        return [file for file in self.setting.folder.rglob("home/.[os]*/*") if file.is_file()]
