"""`make manifests`: the Kubernetes manifests of a stack."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from operations import manifests
from specs import kubernetes, tls
from tests.unit.conftest import ROOT
from tests.unit.kubernetes_values import certificate


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36", "1.37"])
def test_manifests_are_valid_for_the_versions_of_oke(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for manifest in manifests.manifests("oke"):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_manifests_are_written_as_yaml(tmp_path: Path) -> None:
    (tmp_path / "docker").symlink_to(ROOT / "docker")
    command = [sys.executable, "-m", "operations.manifests", "oke"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    text = (tmp_path / "manifests" / "oke.yaml").read_text()
    assert "&id" not in text
    documents = list(yaml.safe_load_all(text))
    assert [document["kind"] for document in documents] == [
        "Namespace",
        "Secret",
        "Secret",
        "PersistentVolumeClaim",
        "NetworkPolicy",
        "Deployment",
        "Service",
    ]


def test_manifests_of_the_other_target_are_an_error() -> None:
    command = [sys.executable, "-m", "operations.manifests", "dev"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "make manifests STACK=oke" in done.stderr


def test_encrypted_values_are_words_in_angle_brackets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem, _ = certificate()
    secret = {"secure": "v1:of-another-key"}
    values = {
        "target": "kubernetes",
        "password": secret,
        "secretFiles": {"password-hash": "argon2:{argon2}", "users": secret},
        "tlsCertificate": pem,
        "tlsPrivateKey": secret,
        "loadBalancerInternal": False,
        "loadBalancerSecurityGroupIds": ["ocid1.networksecuritygroup.oc1.us-ashburn-1.team"],
    }
    config = {f"containerised-app:{key}": value for key, value in values.items()}
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.team.yaml").write_text(yaml.safe_dump({"config": config}))
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    monkeypatch.chdir(ROOT)
    found = manifests.manifests("team")
    secrets = {one["metadata"]["name"]: one.get("data", {}) for one in found if one["kind"] == "Secret"}
    hidden = kubernetes.encode("<secret>")
    assert secrets["jupyterlab-files"] == {"password-hash": hidden, "users": hidden}
    assert secrets[tls.secret_name("jupyterlab", pem)] == {"tls.crt": hidden, "tls.key": hidden}
    for manifest in found:
        kubernetes_validate.validate(manifest, "1.34", strict=True)
