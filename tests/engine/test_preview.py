"""What a person sees before anything exists."""

from __future__ import annotations

from pathlib import Path

from tests.support.stack import ROOT, Stack

EVERYTHING = {
    "jupyterlab-vcn",
    "jupyterlab-default-security-list",
    "jupyterlab-internet-gateway",
    "jupyterlab-route-table",
    "jupyterlab-subnet",
    "jupyterlab-security-group",
    "jupyterlab-ssh-from-10.189.0.1-32",
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


def cloud_files() -> set[tuple[Path, float]]:
    """Every file of the sandbox's cloud and registry; with its time, but for the volumes, which machines write to at all times."""
    folders = (ROOT / ".sandbox" / folder for folder in ("cloud", "registry/data"))
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {(file, 0.0 if file.suffix == ".img" else file.stat().st_mtime) for file in files}


def test_a_preview_of_the_dev_stack_shows_every_resource_and_writes_nothing(dev: Stack) -> None:
    before = cloud_files()
    assert dev.preview() == dict.fromkeys(EVERYTHING, "create")
    assert cloud_files() == before


def test_a_preview_needs_no_builder_and_no_registry(changed: Stack) -> None:
    changed.configure(builder="nowhere", registryHost="registry.invalid", baseImage="registry.invalid/base:1")
    assert set(changed.preview()) == EVERYTHING


def test_with_a_subnet_of_ones_own_no_network_is_made(changed: Stack) -> None:
    changed.configure(subnetId="ocid1.subnet.oc1.eu-frankfurt-1.ofmine")
    # The subnet has to exist already when the plan is made, as it does in the cloud.
    done = changed.pulumi("preview", "--config-file", str(changed.config_file), check=False)
    assert done.returncode != 0
    assert "ocid1.subnet.oc1.eu-frankfurt-1.ofmine" in done.stdout + done.stderr


def test_another_app_is_a_matter_of_configuration(changed: Stack) -> None:
    changed.configure(app="pypiserver", context="docker/pypiserver", port=8080, dataPath="/data", healthPath="/health")
    assert {name.partition("-")[0] for name in changed.preview()} == {"pypiserver"}


def test_the_plan_shows_neither_password_nor_token(dev: Stack) -> None:
    account = ROOT / ".sandbox" / "account"
    dev.preview("--diff")
    for secret in ("app-password", "registry-token"):
        assert (account / secret).read_text().strip() not in dev.log
