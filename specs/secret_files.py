"""Contents of the app's secret files: templates with {argon2} for the password's hash."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache

from argon2.low_level import Type, hash_secret

PLACEHOLDER = "{argon2}"

SECRETS_PATH = "/etc/app-secrets"
"""Where the container finds the files. Not /run/secrets: container engines mount folders of their own there."""

FILE_LIMIT = 511_999
"""Bytes that podman takes for a secret (source: containers/common, pkg/secrets/secrets.go, from podman 4.3 to 5.8).

Kubernetes takes 1 MiB for all of an app's, which no configuration can hold: Pulumi gives it to the program in one
variable, which has 128 KiB at most on Linux and 1 MiB on macOS.
"""


def small_file(content: str) -> str:
    """Accept a file that podman takes. Raises ValueError."""
    if (size := len(content.encode())) > FILE_LIMIT:
        raise ValueError(f"has {size} bytes; podman takes at most {FILE_LIMIT}")
    return content


@lru_cache(maxsize=8)
def argon2_hash(password: str, owner: str) -> str:
    """The Argon2id hash of `password` in the PHC form, "$argon2id$v=19$m=10240,t=10,p=8$…".

    Cost as in jupyter_server.auth.passwd. The salt is a function of `owner` (compartment, project, stack and app), never
    of the password: the same configuration has to give the same plan, while a salt computed from the password would
    let a guess be checked without paying for Argon2.
    """
    salt = hashlib.sha256(f"argon2 salt {owner}".encode()).digest()[:16]
    return hash_secret(
        password.encode(), salt, time_cost=10, memory_cost=10240, parallelism=8, hash_len=32, type=Type.ID
    ).decode()


PLAIN = r"^(([A-Za-z0-9_.@+-]{1,64}:)?\{argon2\}\s*)+$"
"""What may be in plain text: the hash, after a name and a colon where there is one ("argon2:{argon2}", "me:{argon2}"), once or more."""


def render(templates: Mapping[str, str], password: str, owner: str) -> dict[str, str]:
    """File name to content, with the hash filled in; sorted by name."""
    return {
        name: template.replace(PLACEHOLDER, argon2_hash(password, owner)) if PLACEHOLDER in template else template
        for name, template in sorted(templates.items())
    }


def fingerprint(files: Mapping[str, str], password: str, owner: str) -> str:
    """A short text which changes with the files or the password, and from which neither can be guessed; another for every `owner`.

    The password's hash is its key, so each guess costs one Argon2 per stack.
    """
    key = argon2_hash(password, f"fingerprint {owner}").encode()
    content = "\0".join(f"{name}\0{text}" for name, text in sorted(files.items()))
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()[:16]
