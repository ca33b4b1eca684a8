"""Configuration values as Pulumi hands them to the program, and a key file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from settings import InstanceStack, KubernetesStack, parse
from specs.oci_profile import OciProfile

ROOT = Path(__file__).parents[2]
PROFILE = OciProfile("eu-frankfurt-1", "ocid1.tenancy.oc1..root", "ocid1.user.oc1..me")


def as_pulumi_does(values: Mapping[str, Any]) -> dict[str, str]:
    """Texts as they are, all else as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unencrypted Ed25519 key as ssh-keygen makes it."""
    file = tmp_path_factory.mktemp("ssh") / "id_ed25519"
    key = ed25519.Ed25519PrivateKey.generate()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    )
    file.chmod(0o600)
    return file


@pytest.fixture
def values(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The defaults of Pulumi.yaml and what every account has to set."""
    monkeypatch.chdir(ROOT)
    schema = yaml.safe_load(Path("Pulumi.yaml").read_text())["config"]
    account = {
        "password": "correct horse",
        "registryToken": "token-of-mine",
        "sshNetworks": ["203.0.113.7/32"],
        "sshPrivateKeyFile": str(key_file),
    }
    return {**{key: entry["default"] for key, entry in schema.items()}, **account}


def settings_of(values: Mapping[str, Any], profile: OciProfile = PROFILE) -> InstanceStack | KubernetesStack:
    """Parse as the stack "dev"."""
    given = {key: value for key, value in values.items() if value is not None}
    return parse(as_pulumi_does(given), "containerised-app", "dev", profile)
