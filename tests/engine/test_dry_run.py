"""The state of a dry run of another checkout's program, and a preview against it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import paths
from tests.support.workflow_repository import Repository, git, sandbox_home, set_keys
from tests.unit.kubernetes_values import certificate

SECRET = {"secure": "v1:IkKk3mT0aXqvIMfN:of-the-teams-own-key"}
# Values of teams with their own account, as `pulumi config set` writes them.
TEAMS: dict[str, dict[str, Any]] = {
    "instance": {
        "sshNetworks": ["203.0.113.7/32"],
        "sshPrivateKeyFile": "~/.ssh/id_of_the_team",
        "caBundleFile": "/etc/ssl/of-the-team.pem",
        "registryHost": "ocir.us-ashburn-1.oci.oraclecloud.com",
        "registryUsername": "domain/me@example.com",
        "builder": "of-the-team",
        "subnetId": "ocid1.subnet.oc1.us-ashburn-1.team",
        "assignPublicIp": False,
        "availabilityDomain": "Uocm:US-ASHBURN-AD-2",
        "dataVolumeId": "ocid1.volume.oc1.us-ashburn-1.team",
        "repositoryId": "ocid1.containerrepo.oc1.us-ashburn-1.team",
        "imageId": "ocid1.image.oc1.us-ashburn-1.team",
        "secretFiles": {"password-hash": "argon2:{argon2}", "users.conf": SECRET},
    },
    "kubernetes": {
        "target": "kubernetes",
        "apiNetworks": ["203.0.113.7/32"],
        "kubernetesVersion": "v1.31.1",
        "loadBalancerSecurityGroupIds": ["ocid1.networksecuritygroup.oc1.us-ashburn-1.team"],
        "tlsCertificate": certificate()[0],
        "tlsPrivateKey": SECRET,
        "secretFiles": {"password-hash": "argon2:{argon2}", "users.conf": SECRET},
    },
    "a cluster of theirs": {
        "target": "kubernetes",
        "clusterId": "ocid1.cluster.oc1.us-ashburn-1.team",
        "privateApiEndpoint": True,
        "loadBalancerSubnetId": "ocid1.subnet.oc1.us-ashburn-1.team",
        "securityListManagementMode": "All",
    },
}


class Checkouts:
    """The checkouts base and head with their own sandbox."""

    def __init__(self, folder: Path, prepare: Callable[[Path], None] = lambda folder: None) -> None:
        self.head = Repository(folder / "head", prepare).folder
        self.base = folder / "base"
        git(self.head, "worktree", "add", "--quiet", "--detach", str(self.base))
        self.environment = {**os.environ, "SANDBOX_HOME": str(sandbox_home(folder / "home"))}
        self.summary = folder / "summary.md"

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *words, "STACK=dev"], cwd=self.head, env=self.environment, capture_output=True, text=True
        )

    def preview(self) -> str:
        done = self.make("preview", "PULUMI=sandbox/dry_run/pulumi", f"SUMMARY={self.summary}")
        assert done.returncode == 0, done.stdout + done.stderr
        return self.summary.read_text()


@pytest.fixture
def checkouts(tmp_path: Path) -> Checkouts:
    return Checkouts(tmp_path)


def test_preview_shows_changed_image_files_only(checkouts: Checkouts) -> None:
    done = checkouts.make("base-state", f"BASE={checkouts.base}")
    assert done.returncode == 0, done.stdout + done.stderr
    app = checkouts.head / "docker" / "jupyterlab"
    (app / "requirements.in").write_text("# of nobody's concern\n")
    assert checkouts.preview().startswith("<!-- review: preview of dev: nothing -->")
    with (app / "jupyter_server_config.py").open("a") as config:
        config.write("# of everybody's concern\n")
    summary = checkouts.preview()
    for name in ("arm64", "amd64", "index", "podman"):
        assert f"jupyterlab-{name}" in summary
    assert "jupyterlab-instance" not in summary


def test_base_state_is_empty_if_the_base_program_fails(
    checkouts: Checkouts,
) -> None:
    (checkouts.base / "__main__.py").write_text("import pulumi_oci\nraise SystemExit('broken')\n")
    broken = checkouts.make("base-state", f"BASE={checkouts.base}")
    assert broken.returncode != 0
    assert "the state is empty" in broken.stdout
    (checkouts.base / "Pulumi.dev.yaml").unlink()
    without = checkouts.make("base-state", f"BASE={checkouts.base}")
    assert without.returncode != 0
    assert "has no stack dev: the state is empty" in without.stdout
    assert "jupyterlab-instance" in checkouts.preview()


def test_preview_without_a_base_state_names_the_command(checkouts: Checkouts) -> None:
    done = checkouts.make("preview", "PULUMI=sandbox/dry_run/pulumi")
    assert done.returncode != 0
    assert "make base-state STACK=dev" in done.stderr


@pytest.mark.parametrize("kind", TEAMS)
def test_preview_of_a_team_stack_lists_replaced_values(kind: str, tmp_path: Path) -> None:
    keys = TEAMS[kind]

    def commit(folder: Path) -> None:
        set_keys(folder, "dev", password=SECRET, registryToken=SECRET, **keys)
        set_keys(folder, "dev", compartmentId="ocid1.compartment.oc1..team")
        file = folder / "Pulumi.dev.yaml"
        document = yaml.safe_load(file.read_text())
        document["config"] |= {"oci:region": "us-ashburn-1", "oci:configFileProfile": "team"}
        file.write_text(yaml.safe_dump({**document, "encryptionsalt": "v1:of-the-teams-own-key"}))

    team = Checkouts(tmp_path, commit)
    done = team.make("base-state", f"BASE={team.base}")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = team.preview()
    assert summary.startswith("<!-- review: preview of dev: nothing -->"), summary
    (note,) = (line for line in summary.splitlines() if "values that differ from Pulumi.dev.yaml" in line)
    kept = {"target", "sshNetworks", "apiNetworks", "secretFiles", "tlsPrivateKey"}
    kept |= {"registryHost", "registryUsername", "builder"}
    gone = {"compartmentId", "oci:region", "oci:configFileProfile", *(set(keys) - kept)}
    assert set(note.partition(": ")[2].partition(" (")[0].split(", ")) == gone
    # Rules are the committed ones, another domain (which creates a new volume) is shown, and another secret gets a placeholder.
    networks = {key: ["203.0.113.9/32"] for key in ("sshNetworks", "apiNetworks") if key in keys}
    files = {"secretFiles": {**keys["secretFiles"], "more": SECRET}} if "secretFiles" in keys else {}
    set_keys(team.head, "dev", availabilityDomain="Uocm:US-ASHBURN-AD-3", **networks, **files)
    changed = team.preview()
    assert "EU-FRANKFURT-1-AD-3" in changed
    assert ("203.0.113.9/32" in changed) == bool(networks)
    assert paths.GATEWAY not in changed
