"""Previews of the stack dev before it is deployed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sandbox import paths
from tests.support.stack import PULUMI, ROOT, Stack

EVERYTHING = {
    "jupyterlab-vcn",
    "jupyterlab-default-security-list",
    "jupyterlab-internet-gateway",
    "jupyterlab-route-table",
    "jupyterlab-subnet",
    "jupyterlab-security-group",
    f"jupyterlab-ssh-from-{paths.GATEWAY}-32",
    "jupyterlab-egress",
    "jupyterlab-repository",
    "jupyterlab-arm64",
    "jupyterlab-amd64",
    "jupyterlab-index",
    "jupyterlab-instance",
    "jupyterlab-data",
    "jupyterlab-data-attachment",
    "jupyterlab-podman",
}
NETWORK = {"vcn", "default-security-list", "internet-gateway", "route-table", "subnet"}


def cloud_files() -> set[Path]:
    """Every file of the sandbox's cloud and registry, without locks."""
    folders = (
        paths.HOME / folder for folder in ("cloud/resources", "cloud/volumes", "cloud/machines", "registry/data")
    )
    return {file for folder in folders for file in folder.rglob("*") if file.is_file()}


def test_preview_of_dev_shows_every_resource_and_writes_nothing(dev: Stack) -> None:
    before = cloud_files()
    assert dev.preview() == dict.fromkeys(EVERYTHING, "create")
    assert cloud_files() <= before


def test_preview_needs_no_builder_and_no_registry(changed: Stack) -> None:
    changed.configure(builder="nowhere", registryHost="registry.invalid", baseImage="registry.invalid/base:1")
    assert set(changed.preview()) == EVERYTHING


def test_plugin_in_the_users_path_is_ignored(dev: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = tmp_path / "pulumi-resource-oci"
    plugin.write_text("#!/bin/sh\nexit 1\n")
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert set(dev.preview()) == EVERYTHING


OWN_NETWORK = f"""\
import pulumi
import pulumi_oci as oci

vcn = oci.core.Vcn("vcn", compartment_id="{paths.TENANCY_OCID}", cidr_blocks=["10.7.0.0/16"])
subnet = oci.core.Subnet("subnet", compartment_id="{paths.TENANCY_OCID}", vcn_id=vcn.id, cidr_block="10.7.1.0/24")
pulumi.export("subnet", subnet.id)
"""


@pytest.fixture
def existing_subnet(changed: Stack, machineless_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The OCID of a subnet of another stack, in a second sandbox that also has the stack `changed`.

    In the first sandbox another process may count the cloud's files.
    """
    monkeypatch.setenv("SANDBOX_HOME", str(machineless_home))
    changed.init()
    folder = tmp_path / "own-network"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: own-network\nruntime: python\n")
    account = {"oci:region": paths.REGION, "oci:tenancyOcid": paths.TENANCY_OCID, "oci:userOcid": paths.USER_OCID}
    (folder / "Pulumi.own.yaml").write_text(json.dumps({"config": account}))
    (folder / "__main__.py").write_text(OWN_NETWORK)

    def pulumi(*arguments: str) -> str:
        command = [str(PULUMI), *arguments, "--stack", "own", "--cwd", str(folder), "--non-interactive"]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    pulumi("stack", "init")
    pulumi("up", "--yes", "--skip-preview")
    return pulumi("stack", "output", "subnet").strip()


def test_existing_subnet_replaces_the_network(changed: Stack, existing_subnet: str) -> None:
    changed.configure(subnetId=existing_subnet)
    assert set(changed.preview()) == EVERYTHING - {f"jupyterlab-{name}" for name in NETWORK}


def test_missing_subnet_fails_the_preview(changed: Stack) -> None:
    changed.configure(subnetId="ocid1.subnet.oc1.eu-frankfurt-1.ofnobody")
    done = changed.pulumi("preview", "--config-file", str(changed.config_file), check=False)
    assert done.returncode != 0
    assert "ocid1.subnet.oc1.eu-frankfurt-1.ofnobody" in done.stdout + done.stderr


def test_configuration_selects_another_app(changed: Stack) -> None:
    changed.configure(app="pypiserver", context="docker/pypiserver", port=8080, dataPath="/data", healthPath="/health")
    assert {name.partition("-")[0] for name in changed.preview()} == {"pypiserver"}


def test_plan_shows_neither_password_nor_token(dev: Stack) -> None:
    dev.preview("--diff")
    for secret in ("app-password", "registry-token"):
        assert (paths.ACCOUNT / secret).read_text().strip() not in dev.log
