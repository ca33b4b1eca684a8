"""The credential for the cluster: the signed token, and the account that signs it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from operations import kube_token
from sandbox import paths
from sandbox.kubernetes_provider.exec_credentials import ExecCredentials
from specs import kubeconfig, oci_profile
from tests.unit.conftest import ROOT

CLUSTER = "ocid1.cluster.oc1.eu-frankfurt-1.one"
REGION = "eu-frankfurt-1"
FINGERPRINT = ":".join(["0a"] * 16)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def home(tmp_path: Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with an account as the console's instructions create it, and a second profile."""
    folder = tmp_path / ".oci"
    folder.mkdir(mode=0o700)
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    account = f"tenancy=ocid1.tenancy.oc1..t\nfingerprint={FINGERPRINT}\nkey_file=~/.oci/key.pem\nregion={REGION}\n"
    (folder / "config").write_text(
        f"[DEFAULT]\nuser=ocid1.user.oc1..u\n{account}\n[work]\nuser=ocid1.user.oc1..w\n{account}"
    )
    monkeypatch.setattr(oci_profile, "CONFIG_FILE", folder / "config")
    monkeypatch.setattr(oci_profile, "home", lambda: tmp_path)
    return tmp_path


Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs it with options and variables; returns its output or its error."""

    def run(*options: str, **environment: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_VAR_", "OCI_"))}
        monkeypatch.setattr(os, "environ", {**kept, **environment})
        monkeypatch.setattr(sys, "argv", ["kube-token", CLUSTER, "--region", REGION, *options])
        try:
            kube_token.main()
        except SystemExit as error:
            return str(error)
        return capsys.readouterr().out

    return run


def signed(printed: str) -> tuple[str, dict[str, str]]:
    """The URL in the token, and its headers."""
    document = json.loads(printed)
    assert document["kind"] == "ExecCredential"
    url, _, query = base64.urlsafe_b64decode(document["status"]["token"]).decode().partition("?")
    return url, dict(urllib.parse.parse_qsl(query))


def test_token_equals_that_of_the_oci_cli(home: Path) -> None:
    for file in (home / ".oci").iterdir():
        file.chmod(0o600)
    config = home / ".oci" / "config"
    config.write_text(config.read_text().replace("~", str(home)))
    command = ["-m", "oci_cli.cli", "--config-file", str(config), "ce", "cluster", "generate-token"]
    printed = subprocess.run(
        [sys.executable, *command, "--cluster-id", CLUSTER, "--region", REGION],
        env={"PYTHONPATH": str(paths.HOME / "oci-cli" / "site-packages"), "SUPPRESS_LABEL_WARNING": "True"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    _, headers = signed(printed)
    made = kube_token.token(CLUSTER, REGION, kube_token.account("", {}), parsedate_to_datetime(headers["date"]))
    assert made == json.loads(printed)["status"]["token"]


def test_token_of_another_realm_is_for_the_host_of_that_realm(home: Path) -> None:
    made = kube_token.token(CLUSTER, "eu-frankfurt-2", kube_token.account("", {}), datetime.now(timezone.utc))
    assert base64.urlsafe_b64decode(made).startswith(
        b"https://containerengine.eu-frankfurt-2.oraclecloud.eu/cluster_request/"
    )


def test_kubeconfig_login_runs_in_any_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_cloud = "clusters: [{cluster: {server: https://192.0.2.1:6443}}]"
    login = json.loads(kubeconfig.kubeconfig(of_cloud, CLUSTER, REGION))["users"][0]["user"]["exec"]
    account = {"tenancy_ocid": "t", "user_ocid": "v", "fingerprint": "f", "private_key_path": home / ".oci" / "key.pem"}
    for name, value in account.items():
        monkeypatch.setenv(f"TF_VAR_{name}", str(value))
    monkeypatch.setenv("VIRTUAL_ENV", str(paths.VENV))
    monkeypatch.setenv("CDPATH", "/usr")  # it has a bin too
    monkeypatch.chdir(ROOT)
    assert ExecCredentials(login, {}).status()["token"]
    # client-go resolves it from the kubeconfig's folder.
    of_file = {**login, "command": str(ROOT / login["command"])}
    (tmp_path / "specs.py").write_text("raise AssertionError")
    monkeypatch.chdir(tmp_path)
    assert ExecCredentials(of_file, {}).status()["token"]


def test_token_is_valid_for_four_minutes() -> None:
    document = json.loads(kube_token.credential("token", datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)))
    assert document["status"]["expirationTimestamp"] == "2026-01-01T12:04:00Z"


def test_token_is_signed_by_the_account_of_the_profile(home: Path, run: Run) -> None:
    def user(*options: str, **environment: str) -> str:
        return signed(run(*options, **environment))[1]["authorization"].split("/")[1]

    assert user() == "ocid1.user.oc1..u"
    assert user("--profile", "work") == "ocid1.user.oc1..w"
    assert user(TF_VAR_config_file_profile="work") == "ocid1.user.oc1..w"


def test_token_is_refused_if_a_variable_sets_half_of_the_account(home: Path, run: Run) -> None:
    refused = run("--profile", "work", TF_VAR_user_ocid="ocid1.user.oc1..v")
    assert refused.startswith("kube-token: TF_VAR_user_ocid: has another user than profile work of ")
    assert refused.endswith("\n    unset TF_VAR_user_ocid")


def test_token_is_signed_with_a_key_with_escaped_line_ends(home: Path, run: Run) -> None:
    pem = (home / ".oci" / "key.pem").read_text()
    (home / ".oci" / "key.pem").unlink()
    signed(run(TF_VAR_private_key=pem.replace("\n", "\\n")))


def test_token_without_an_account_is_refused(home: Path, run: Run) -> None:
    (home / ".oci" / "config").unlink()
    assert run().startswith(f"kube-token: {home}/.oci/config: does not exist, and nothing else names the account")


def test_token_without_an_api_key_is_refused(home: Path, run: Run) -> None:
    (home / ".oci" / "config").unlink()
    assert run(TF_VAR_auth="InstancePrincipal") == (
        "kube-token: the account lacks tenancy, user, fingerprint: kube-token only signs with an API key"
    )


def test_token_of_a_session_is_refused(home: Path, run: Run) -> None:
    file = home / ".oci" / "config"
    file.write_text(file.read_text().replace("user=ocid1.user.oc1..w", "security_token_file=/token"))
    assert run("--profile", "work") == "kube-token: the account lacks user: kube-token only signs with an API key"


def test_token_with_a_wrong_file_is_refused_if_the_file_is_needed(home: Path, run: Run) -> None:
    file = home / ".oci" / "config"
    assert run("--profile", "wrok").startswith(f"kube-token: {file}: has no profile wrok; it has DEFAULT, work\n")
    file.write_text(file.read_text() * 2)
    assert run().startswith(f"kube-token: {file}: has the profile DEFAULT twice")
    names = {"TF_VAR_tenancy_ocid": "t", "TF_VAR_user_ocid": "u", "TF_VAR_fingerprint": "f"}
    signed(run(TF_VAR_private_key_path=str(home / ".oci" / "key.pem"), **names))


def test_token_with_an_invalid_key_is_refused_without_printing_it(home: Path, run: Run) -> None:
    (home / ".oci" / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n")
    error = run()
    assert error.startswith("kube-token: the token cannot be signed with the key of ocid1.user.oc1..u")
    assert "nonsense" not in error
