"""What a person with an account has: an SSH key, an API key, a registry token, the app's password, a passphrase for Pulumi's secrets.

Made once, kept until `make clean`, readable by their owner alone.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import string
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox import paths
from sandbox.process import run, write_if_changed

SSH_KEY = paths.ACCOUNT / "id_ed25519"
TOKEN = paths.ACCOUNT / "registry-token"
PASSWORD = paths.ACCOUNT / "app-password"
PASSPHRASE = paths.ACCOUNT / "passphrase"
# In a folder of their own, as in ~/.oci.
API_KEY = paths.ACCOUNT / "oci" / "api-key.pem"
API_PUBLIC_KEY = paths.ACCOUNT / "oci" / "api-key-public.pem"
API_FINGERPRINT = paths.ACCOUNT / "oci" / "fingerprint"
OCI_CONFIG = paths.ACCOUNT / "oci" / "config"

# Without what is mistaken for something else when it is typed from a screen.
_LETTERS = "".join(letter for letter in string.ascii_lowercase if letter not in "lo")


def ensure() -> None:
    """Make what is not there yet."""
    paths.ACCOUNT.mkdir(parents=True, exist_ok=True)
    paths.ACCOUNT.chmod(0o700)
    for file, content in (
        (TOKEN, secrets.token_urlsafe(24)),
        (PASSWORD, readable()),
        (PASSPHRASE, secrets.token_hex()),
    ):
        if not file.exists():
            write_if_changed(file, content, 0o600)
    if not SSH_KEY.exists():
        unfinished = SSH_KEY.with_name("unfinished")
        unfinished.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "sandbox", "-f", unfinished])
        os.replace(unfinished.with_name("unfinished.pub"), SSH_KEY.with_name("id_ed25519.pub"))
        os.replace(unfinished, SSH_KEY)
    if not OCI_CONFIG.exists():
        _make_api_key()


def fingerprint(key: rsa.RSAPublicKey) -> str:
    """As Oracle tells API keys apart (source: OCI documentation, "Required Keys and OCIDs"): MD5 of the public key's DER form."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.md5(der, usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, 32, 2))


def _make_api_key() -> None:
    """Make the pair of API keys and the configuration file of Oracle's SDK and CLI (OCI documentation, "SDK and CLI Configuration File")."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    lines = [
        "[DEFAULT]",
        f"user={paths.USER_OCID}",
        f"fingerprint={fingerprint(key.public_key())}",
        f"tenancy={paths.TENANCY_OCID}",
        f"region={paths.REGION}",
        f"key_file={API_KEY}",
    ]
    write_if_changed(API_KEY, private, 0o600)
    write_if_changed(API_PUBLIC_KEY, public)
    write_if_changed(API_FINGERPRINT, fingerprint(key.public_key()))
    # Last: its presence says that all are there.
    write_if_changed(OCI_CONFIG, "\n".join(lines) + "\n", 0o600)


def readable() -> str:
    """A random password that can be typed: four groups of four letters, 74 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def registry_token() -> str:
    """The token to log in to the registry with."""
    return _read(TOKEN)


def app_password() -> str:
    """The app's password, unless the stack's configuration sets another."""
    return _read(PASSWORD)


def api_fingerprint() -> str:
    """The fingerprint of the API key."""
    return _read(API_FINGERPRINT)


def _read(file: Path) -> str:
    if not file.exists():
        ensure()
    return file.read_text().strip()
