"""Files that a person adds to the build of an image: locked packages, trusted certificates."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

_LOCKED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?==\S+.*\s--hash=sha256:[0-9a-f]{64}")


class BuildInputError(Exception):
    """The file cannot be used. The text ends a sentence that begins with the file's name."""


def check_requirements(file: Path) -> None:
    """Raise BuildInputError unless each line of a requirements file (pip's format) is one version of a package with its hashes, as
    `make lock` writes it. The build refuses anything else.
    """
    for line in _lines(text_of(file)):
        if line.startswith("-"):
            # The URL of an index may contain a login, and another file is not in the build's context.
            raise BuildInputError(f"has the option {line.split()[0].partition('=')[0]}; it may only list packages")
        if not _LOCKED.match(line):
            raise BuildInputError(f"is not locked: {line.split()[0]} has no version with hashes")


def ca_bundle(file: Path) -> str:
    """The certificates (PEM) of a file. Raises BuildInputError, also for a private key."""
    text = text_of(file)
    if "PRIVATE KEY-----" in text:
        raise BuildInputError("holds a private key; use a file that only has certificates")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file.expanduser())
    except ssl.SSLError:
        raise BuildInputError("holds no certificate in PEM format (-----BEGIN CERTIFICATE-----)") from None
    return text


def text_of(file: Path, encoding: str = "utf-8") -> str:
    """The content of a file. Raises BuildInputError."""
    try:
        return file.expanduser().read_text(encoding)
    except (OSError, UnicodeDecodeError) as error:
        raise BuildInputError(f"cannot be read ({getattr(error, 'strerror', None) or 'no text in UTF-8'})") from None


def _lines(text: str) -> list[str]:
    """The lines of a requirements file without comments, continued lines joined."""
    joined = text.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]
