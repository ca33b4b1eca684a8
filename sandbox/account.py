"""What a person with an account has: an SSH key, an API key, a registry token, the app's password, a passphrase for Pulumi's secrets.

Made once, kept until `make clean`, readable by their owner alone.
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
# As ~/.oci: config, api-key.pem, api-key-public.pem, fingerprint (api_key.py).
OCI_FOLDER = paths.ACCOUNT / "oci"
OCI_CONFIG = OCI_FOLDER / "config"
API_KEY = OCI_FOLDER / "api-key.pem"
API_PUBLIC_KEY = OCI_FOLDER / "api-key-public.pem"
# Certificate and private key, for stacks whose own key the sandbox cannot read.
LOAD_BALANCER = paths.ACCOUNT / "load-balancer.pem"

# Without what is mistaken for something else when it is typed from a screen.
_LETTERS = "".join(letter for letter in string.ascii_lowercase if letter not in "lo")


def ensure() -> None:
    """Make what is not there yet."""
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
        # Here, since loading cryptography takes a tenth of a second.
        from sandbox import api_key

        api_key.make(OCI_FOLDER)


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
    return _read(OCI_FOLDER / "fingerprint")


def load_balancer_certificate() -> str:
    """A certificate (PEM) that stands in for a stack's own."""
    return _load_balancer()[0]


def load_balancer_key() -> str:
    """Its private key (PEM)."""
    return _load_balancer()[1]


def _load_balancer() -> tuple[str, str]:
    with _locked():
        if not LOAD_BALANCER.exists():
            # As above, and few stacks need it.
            from sandbox import tls

            write_if_changed(LOAD_BALANCER, "".join(tls.self_signed("load-balancer.example")), 0o600)
    certificate, end, key = LOAD_BALANCER.read_text().partition("-----END CERTIFICATE-----\n")
    return certificate + end, key


@contextmanager
def _locked() -> Iterator[None]:
    """The right to make what is missing, for one process at a time, whatever else it holds: half of two pairs of keys is none."""
    paths.ACCOUNT.mkdir(parents=True, exist_ok=True)
    paths.ACCOUNT.chmod(0o700)
    with alone(paths.ACCOUNT / ".lock"):
        yield


def _read(file: Path) -> str:
    if not file.exists():
        ensure()
    return file.read_text().strip()
