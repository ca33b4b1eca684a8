"""Key files and certificates: what OpenSSH or a browser would refuse later is refused in the configuration."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519

from specs import ssh, tls
from tests.unit.kubernetes_values import certificate

FORMS_OF_A_KEY: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "line ends of Windows": lambda text: text.replace("\n", "\r\n"),
    "no newline at the end": str.rstrip,
    "an empty line before": lambda text: f"\n{text}",
    "a byte order mark": lambda text: f"\ufeff{text}",
    "blanks": lambda text: text.replace("\n", " \n"),
    "text after it": lambda text: f"{text}mine\n",
}


@pytest.mark.parametrize("options", [["-t", "ed25519"], ["-t", "rsa", "-b", "3072", "-m", "PEM"]], ids=["new", "PEM"])
@pytest.mark.parametrize("form", FORMS_OF_A_KEY)
def test_a_key_file_that_openssh_cannot_read_is_refused_with_its_repair(
    form: str, options: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "my key"
    subprocess.run(["ssh-keygen", "-q", *options, "-N", "", "-f", file], check=True)
    file.write_bytes(FORMS_OF_A_KEY[form](file.read_text()).encode())

    def reads() -> bool:
        return subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True).returncode == 0

    if reads():
        assert ssh.read_key(file)
        return
    with pytest.raises(ssh.KeyFileError) as caught:
        ssh.read_key(file)
    assert caught.value.commands or form not in ("line ends of Windows", "no newline at the end")
    for command in caught.value.commands:
        subprocess.run(["bash", "-c", command], check=True)
        assert reads()
        assert ssh.read_key(file)


def test_a_key_file_that_others_can_read_is_refused_as_ssh_does(tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    file.chmod(0o640)
    assert subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True).returncode
    with pytest.raises(ssh.KeyFileError, match="can be read by others") as caught:
        ssh.read_key(file)
    assert caught.value.commands == (f"chmod 600 {file}",)


@pytest.mark.parametrize("name", ["my%key", "a${HOME}b", "a$HOME b", "-dash", "qu'ote", "two\nlines"])
def test_a_key_files_name_is_refused_or_reaches_ssh_as_it_is(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    if "%" in name or "${" in name:
        with pytest.raises(ssh.KeyFileError, match="which ssh replaces"):
            ssh.read_key(file)
        return
    assert ssh.read_key(file)
    command = ssh.connect_command("192.0.2.1", name, "ecdsa-sha2-nistp256 AAAA")
    assert "\n" not in command
    tested = command.replace("ssh ", "ssh -v -F none -o BatchMode=yes -o ProxyCommand='sleep 1' ", 1)
    said = subprocess.run(["bash", "-c", tested], cwd=tmp_path, capture_output=True, text=True).stderr
    # Type 3 is Ed25519, -1 would be a file that is not found.
    assert f"identity file {name.partition(chr(10))[0]}" in said
    assert "type 3" in said


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (rsa.generate_private_key(65537, 2048), "RSA key of 2048 bits; 3072"),
        (ec.generate_private_key(ec.SECP256K1()), "a curve that OpenSSH does not have"),
        (dsa.generate_private_key(2048), "is not an Ed25519, ECDSA or RSA key"),
        (ed25519.Ed25519PrivateKey.generate(), "in PEM, which OpenSSH before 9.6 does not read"),
        (x25519.X25519PrivateKey.generate(), "is not an Ed25519, ECDSA or RSA key"),
    ],
)
def test_a_key_of_a_kind_that_ssh_does_not_take_is_refused(key: Any, says: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*form))
    file.chmod(0o600)
    with pytest.raises(ssh.KeyFileError, match=says):
        ssh.read_key(file)


# Of an algorithm that nobody has (1.2.3.4).
UNKNOWN_KEY = base64.b64encode(bytes.fromhex("300c020100300506032a03040400")).decode()
NOBODYS = f"-----BEGIN PRIVATE KEY-----\n{UNKNOWN_KEY}\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("made", "key", "says"),
    [
        (lambda: certificate(valid_days=(-9, -1)), "tlsCertificate", "^expired on "),
        (lambda: certificate(valid_days=(1, 9)), "tlsCertificate", "^is not valid before "),
        (lambda: certificate(key=rsa.generate_private_key(65537, 2040)), "tlsCertificate", "key of 2040 bits"),  # noqa: S505
        (lambda: certificate(key=ec.generate_private_key(ec.SECP192R1())), "tlsCertificate", "key of 192 bits"),
        (lambda: ("".join(certificate()), certificate()[1]), "tlsCertificate", "holds a private key"),
        (
            lambda: (certificate(issuer="ca")[0] + certificate("ca", (-9, -1))[0], ""),
            "tlsCertificate",
            "certificate 2 of 2 expired",
        ),
        (lambda: (certificate()[0], certificate()[1]), "tlsPrivateKey", "is not the key of tlsCertificate"),
        (lambda: (certificate()[0], NOBODYS), "tlsPrivateKey", "is not a private key in PEM"),
    ],
)
def test_a_certificate_which_browsers_would_refuse_is_refused(
    made: Callable[[], tuple[str, str]], key: str, says: str
) -> None:
    with pytest.raises(tls.CertificateError, match=says) as caught:
        tls.check(*made())
    assert caught.value.key == key


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())])
def test_a_certificate_of_a_usual_key_is_accepted(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    tls.check(*certificate(key=key))


@pytest.mark.parametrize("name", ["app.example.com", "another.example.com"])
def test_an_expired_certificate_that_issued_no_other_is_accepted_beside_a_valid_one(name: str) -> None:
    chain, key = certificate()
    tls.check(chain + certificate(name, (-9, -1))[0], key)
