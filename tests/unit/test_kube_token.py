"""The credential of the cluster: what the API key signs, and where the account is found."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import urllib.parse
from datetime import datetime, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import kube_token
from sandbox import paths
from tests.unit.conftest import ROOT

CLUSTER = "ocid1.cluster.oc1.eu-frankfurt-1.one"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def home(tmp_path: Path, key: rsa.RSAPrivateKey) -> Path:
    """A home with an account as the console's instructions make it, and a second profile."""
    folder = tmp_path / ".oci"
    folder.mkdir()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    account = "tenancy=ocid1.tenancy.oc1..t\nfingerprint=12:34\nkey_file=~/.oci/key.pem\nregion=eu-frankfurt-1\n"
    (folder / "config").write_text(
        f"[DEFAULT]\nuser=ocid1.user.oc1..u\n{account}\n[work]\nuser=ocid1.user.oc1..w\n{account}"
    )
    return tmp_path


def run(home: Path, *options: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as client-go does: the launcher's own path, the environment of the process."""
    command = [str(ROOT / "kube-token"), CLUSTER, "--region", "eu-frankfurt-1", *options]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TF_VAR_")}
    given = {**kept, "HOME": str(home), "VIRTUAL_ENV": str(paths.VENV), **environment}
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True)


def signed(done: subprocess.CompletedProcess[str]) -> tuple[str, dict[str, str]]:
    """The URL in the token, and its headers."""
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["kind"] == "ExecCredential"
    url, _, query = base64.urlsafe_b64decode(document["status"]["token"]).decode().partition("?")
    return url, dict(urllib.parse.parse_qsl(query))


def test_the_token_is_a_request_for_the_cluster_which_the_accounts_key_has_signed(
    home: Path, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    url, headers = signed(run(home, folder=tmp_path))
    assert url == f"https://containerengine.eu-frankfurt-1.oci.oraclecloud.com/cluster_request/{CLUSTER}"
    parts = dict(re.findall(r'(\w+)="([^"]*)"', headers["authorization"]))
    assert parts["keyId"] == "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/12:34"
    values = {
        "date": headers["date"],
        "host": "containerengine.eu-frankfurt-1.oci.oraclecloud.com",
        "(request-target)": f"get /cluster_request/{CLUSTER}",
    }
    text = "\n".join(f"{name}: {values[name]}" for name in parts["headers"].split())
    key.public_key().verify(base64.b64decode(parts["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_it_is_valid_for_four_minutes() -> None:
    document = json.loads(kube_token.credential("https://x", datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)))
    assert document["status"]["expirationTimestamp"] == "2026-01-01T12:04:00Z"


def test_the_account_is_that_of_the_profile_and_of_the_environment_as_the_programs(home: Path) -> None:
    def user(*options: str, **environment: str) -> str:
        return signed(run(home, *options, folder=ROOT, **environment))[1]["authorization"].split("/")[1]

    assert user() == "ocid1.user.oc1..u"
    assert user("--profile", "work") == "ocid1.user.oc1..w"
    assert user(TF_VAR_config_file_profile="work") == "ocid1.user.oc1..w"
    assert user("--profile", "work", TF_VAR_user_ocid="ocid1.user.oc1..v") == "ocid1.user.oc1..v"


def test_without_an_account_it_says_what_is_missing_in_one_line(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode != 0
    assert "lacks tenancy, user, fingerprint, key_file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_account_file_that_cannot_be_used_is_told_without_a_traceback_unless_it_is_not_needed(home: Path) -> None:
    file = home / ".oci" / "config"
    misspelt = run(home, "--profile", "wrok")
    assert misspelt.returncode != 0
    assert misspelt.stderr.startswith("kube-token: ~/.oci/config: has no profile wrok; those there are DEFAULT, work\n")
    file.write_text(file.read_text() * 2)
    twice = run(home)
    assert twice.returncode != 0
    assert twice.stderr.startswith("kube-token: ~/.oci/config: has user twice in the profile DEFAULT")
    assert "Traceback" not in twice.stderr
    key = str(home / ".oci" / "key.pem")
    names = {"TF_VAR_tenancy_ocid": "t", "TF_VAR_user_ocid": "u", "TF_VAR_fingerprint": "f"}
    signed(run(home, folder=ROOT, TF_VAR_private_key_path=key, **names))


def test_a_key_that_cannot_be_read_is_told_in_one_line_without_the_key(home: Path) -> None:
    (home / ".oci" / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n")
    done = run(home)
    assert done.returncode != 0
    assert done.stderr.startswith("kube-token: the token cannot be signed with the key of ocid1.user.oc1..u")
    assert "Traceback" not in done.stderr
    assert "nonsense" not in done.stderr
