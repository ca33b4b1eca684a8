"""The sandbox's account, registry and builder: credentials, certificates and configuration."""

from __future__ import annotations

import ipaddress
import json
import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox import account, api_key, buildkit, paths, registry, tls


@pytest.fixture
def own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "ACCOUNT", tmp_path)
    files = {"SSH_KEY": "id_ed25519", "TOKEN": "t", "PASSWORD": "p", "PASSPHRASE": "s"}
    for name, file in {**files, "OCI_FOLDER": "oci", "OCI_CONFIG": "oci/config", "LOAD_BALANCER": "lb"}.items():
        monkeypatch.setattr(account, name, tmp_path / file)
    return tmp_path


def _contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_account_is_created_once_and_private(own_account: Path) -> None:
    account.ensure()
    before = _contents(own_account)
    account.ensure()
    assert before == _contents(own_account)
    private, public = {"id_ed25519", "t", "p", "s", "oci/api-key.pem", "oci/config"}, {"id_ed25519.pub"}
    assert set(before) == private | public | {"oci/api-key-public.pem", "oci/fingerprint", ".lock"}
    assert stat.S_IMODE(own_account.stat().st_mode) == 0o700
    for name in private:
        assert stat.S_IMODE((own_account / name).stat().st_mode) == 0o600
    assert "ENCRYPTED" not in before["id_ed25519"]
    assert len(account.app_password()) >= 8


def test_parallel_first_runs_create_one_account(tmp_path: Path) -> None:
    program = (
        "from sandbox import account as a; a.ensure(); print(a.load_balancer_certificate() + a.load_balancer_key())"
    )
    environment = {**os.environ, "SANDBOX_HOME": str(tmp_path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=paths.ROOT, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    printed = {run.communicate(timeout=60)[0] for run in runs}
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len(printed) == 1
    folder = tmp_path / "account" / "oci"
    key = serialization.load_pem_private_key((folder / "api-key.pem").read_bytes(), None)
    public = serialization.load_pem_public_key((folder / "api-key-public.pem").read_bytes())
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.public_key() == public
    fingerprint = api_key.fingerprint(key.public_key())
    assert (folder / "fingerprint").read_text() == fingerprint
    assert f"\nfingerprint={fingerprint}\n" in (folder / "config").read_text()
    assert not (tmp_path / "account" / "unfinished").exists()


def test_registry_certificates_are_limited_to_address_and_network(tmp_path: Path) -> None:
    tls.ensure(tmp_path, paths.REGISTRY_ADDRESS, paths.SUBNET)
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees == [x509.IPAddress(paths.SUBNET)]
    server = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    server.verify_directly_issued_by(ca)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == [paths.REGISTRY_ADDRESS]
    assert {file.name for file in tmp_path.iterdir()} == {"ca.pem", "server.pem", "server-key.pem"}
    # OpenSSL accepts the chain.
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server-key.pem")


def test_certificates_are_renewed_for_another_address(tmp_path: Path) -> None:
    made = []
    for one in ("10.9.0.2", "10.9.0.2", "10.9.0.3"):
        tls.ensure(tmp_path, one, ipaddress.IPv4Network("10.9.0.0/24"))
        made.append((tmp_path / "ca.pem").read_bytes())
    assert made[0] == made[1] != made[2]


@pytest.fixture
def repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "_REPOSITORIES", tmp_path / "repositories")
    monkeypatch.setattr(registry, "_GARBAGE", tmp_path / "garbage")
    manifests = tmp_path / "repositories/sandbox/app/_manifests"
    for link in ("tags/v1/current/link", f"revisions/sha256/{'a' * 64}/link"):
        (manifests / link).parent.mkdir(parents=True)
        (manifests / link).write_text("sha256:" + "a" * 64)
    return tmp_path


def test_deleted_repository_has_no_images(repositories: Path) -> None:
    assert registry.images("sandbox", "app") == ["v1", "sha256:" + "a" * 64]
    assert registry.digest("sandbox", "app", "v1") == "sha256:" + "a" * 64
    registry.delete_repository("sandbox", "app")
    registry.delete_repository("sandbox", "app")
    assert registry.images("sandbox", "app") == []
    assert registry.digest("sandbox", "app", "v1") is None
    assert (repositories / "garbage").exists()


@pytest.mark.parametrize("name", ["", "../other", "../../x", "/etc"])
def test_delete_repository_refuses_other_paths(repositories: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a repository"):
        registry.delete_repository("sandbox", name)


def test_registry_requires_tls_and_login() -> None:
    configuration = yaml.safe_load(registry.configuration())
    assert set(configuration["http"]["tls"]) == {"certificate", "key"}
    assert "htpasswd" in configuration["auth"]
    assert configuration["storage"]["delete"]["enabled"]


def test_buildkit_builds_both_platforms_and_trusts_the_registry() -> None:
    configuration = tomllib.loads(buildkit.configuration(1000, 1001))
    assert configuration["worker"]["oci"]["platforms"] == ["linux/amd64", "linux/arm64"]
    assert configuration["registry"][paths.REGISTRY_ADDRESS]["ca"]
    assert (configuration["grpc"]["uid"], configuration["grpc"]["gid"]) == (1000, 1001)
    assert json.loads(buildkit.builder())["Nodes"][0]["Endpoint"] == f"unix://{buildkit.SOCKET}"
