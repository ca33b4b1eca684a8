"""The API key of the account: a key pair and the configuration file of Oracle's SDK and CLI.

source: OCI documentation, "SDK and CLI Configuration File".
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox import paths
from sandbox.process import write_if_changed


def fingerprint(key: rsa.RSAPublicKey) -> str:
    """Return Oracle's fingerprint of an API key: MD5 of the public key in DER (OCI documentation, "Required Keys and OCIDs")."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.md5(der, usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, 32, 2))


def make(folder: Path) -> None:
    """Write api-key.pem, api-key-public.pem, fingerprint and config into `folder`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    lines = [
        "[DEFAULT]",
        f"user={paths.USER_OCID}",
        f"fingerprint={fingerprint(key.public_key())}",
        f"tenancy={paths.TENANCY_OCID}",
        f"region={paths.REGION}",
        f"key_file={folder / 'api-key.pem'}",
    ]
    write_if_changed(folder / "api-key.pem", private, 0o600)
    write_if_changed(folder / "api-key-public.pem", public)
    write_if_changed(folder / "fingerprint", fingerprint(key.public_key()))
    # Written last: if it exists, all files exist.
    write_if_changed(folder / "config", "\n".join(lines) + "\n", 0o600)
