"""What a person adds to the build of an image without touching its Dockerfile: locked packages and trusted certificates."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

_LOCKED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?==\S+.*\s--hash=sha256:[0-9a-f]{64}")


class BuildInputError(Exception):
    """The file will not do; says why, as the end of a sentence that begins with its name."""


def check_requirements(file: Path) -> None:
    """Accept a requirements file (pip's format) in which every line is a package of one version with its hashes, as `make lock` writes it:
    the build takes nothing else, and must not have to find that out. Raises BuildInputError.
    """
    for line in _lines(text_of(file)):
        if line.startswith("-"):
            # An address may hold a login, and another file would not be in the build's context.
            raise BuildInputError(f"has the option {line.split()[0].partition('=')[0]}; it may list packages only")
        if not _LOCKED.match(line):
            raise BuildInputError(f"is not locked: {line.split()[0]} has no version with hashes")


def ca_bundle(file: Path) -> str:
    """The certificates (PEM) of a file. Raises BuildInputError, also when there is a private key in it."""
    text = text_of(file)
    if "PRIVATE KEY-----" in text:
        raise BuildInputError("holds a private key, which must stay where it is; only certificates are wanted")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file.expanduser())
    except ssl.SSLError:
        raise BuildInputError("holds no certificate in PEM format (-----BEGIN CERTIFICATE-----)") from None
    return text


def text_of(file: Path, encoding: str = "utf-8") -> str:
    """What is in a file. Raises BuildInputError."""
    try:
        return file.expanduser().read_text(encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise BuildInputError(
            f"cannot be read ({getattr(error, 'strerror', None) or 'it is no text in UTF-8'})"
        ) from None


def _lines(text: str) -> list[str]:
    """The lines of a requirements file with what continues them, without comments."""
    joined = text.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]
