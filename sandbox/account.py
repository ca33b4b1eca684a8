"""The credentials of the sandbox's account: SSH key, API key, registry token, app password, passphrase of Pulumi's secrets.

They are created once, kept until `make clean`, and readable by their owner only.
"""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import paths
from sandbox.process import alone, run, write_if_changed

SSH_KEY = paths.ACCOUNT / "id_ed25519"
TOKEN = paths.ACCOUNT / "registry-token"
PASSWORD = paths.ACCOUNT / "app-password"
PASSPHRASE = paths.ACCOUNT / "passphrase"
# Like ~/.oci: config, api-key.pem, api-key-public.pem, fingerprint (api_key.py).
OCI_FOLDER = paths.ACCOUNT / "oci"
OCI_CONFIG = OCI_FOLDER / "config"
API_KEY = OCI_FOLDER / "api-key.pem"
API_PUBLIC_KEY = OCI_FOLDER / "api-key-public.pem"
# Certificate and private key for stacks with an encrypted key of another account.
LOAD_BALANCER = paths.ACCOUNT / "load-balancer.pem"

# Without letters that look like digits.
_LETTERS = "".join(letter for letter in string.ascii_lowercase if letter not in "lo")


def ensure() -> None:
    """Create missing credentials."""
    with _locked():
        _ensure()


def _ensure() -> None:
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
        # Imported here because cryptography takes 0.1 s to load.
        from sandbox import api_key

        api_key.make(OCI_FOLDER)


def readable() -> str:
    """Return a random password that is easy to type: four groups of four letters, 74 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def registry_token() -> str:
    """The token for the login to the registry."""
    return _read(TOKEN)


def app_password() -> str:
    """The app's password, unless the stack's configuration sets another."""
    return _read(PASSWORD)


def api_fingerprint() -> str:
    """The fingerprint of the API key."""
    return _read(OCI_FOLDER / "fingerprint")


def load_balancer_certificate() -> str:
    """A certificate (PEM) that replaces the certificate of a stack."""
    return _load_balancer()[0]


def load_balancer_key() -> str:
    """Its private key (PEM)."""
    return _load_balancer()[1]


def _load_balancer() -> tuple[str, str]:
    with _locked():
        if not LOAD_BALANCER.exists():
            from sandbox import tls

            write_if_changed(LOAD_BALANCER, "".join(tls.self_signed("load-balancer.example")), 0o600)
    certificate, end, key = LOAD_BALANCER.read_text().partition("-----END CERTIFICATE-----\n")
    return certificate + end, key


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time create credentials: parts of two key pairs would not match."""
    paths.ACCOUNT.mkdir(parents=True, exist_ok=True)
    paths.ACCOUNT.chmod(0o700)
    with alone(paths.ACCOUNT / ".lock"):
        yield


def _read(file: Path) -> str:
    if not file.exists():
        ensure()
    return file.read_text().strip()
