"""Runs a private package index, pypiserver, with a login for every request.

Users are words "name:hash" in a mounted secret. The hash is Argon2id in PHC string format, which pypiserver cannot check itself.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pypiserver
import waitress
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PACKAGES = Path(os.environ.get("DATA_PATH", "/data"))
PORT = int(os.environ.get("PORT", "8080"))


def read_users(path: Path) -> dict[str, str]:
    """User name to hash. Raises SystemExit, which never quotes the content, if there is none or one has another form."""
    try:
        words = path.read_text(encoding="utf-8").split()
    except OSError as problem:
        raise SystemExit(f"pypiserver not started: no users at {path}: {problem.strerror}") from None
    users = dict(word.partition(":")[::2] for word in words)
    if not users:
        raise SystemExit(f"pypiserver not started: no user in {path}")
    if not all(name and hashed.startswith("$argon2id$") for name, hashed in users.items()):
        raise SystemExit(f"pypiserver not started: a user in {path} is not of the form name:$argon2id$...")
    return users


def authenticator(users: dict[str, str]) -> Callable[[str, str], bool]:
    """The function (name, password) -> bool for pypiserver."""
    hasher = PasswordHasher()

    def is_right(name: str, password: str) -> bool:
        try:
            return hasher.verify(users[name], password)
        except (KeyError, VerificationError, InvalidHashError):
            return False

    return is_right


def main() -> None:
    """Serve until SIGTERM, then finish the running requests."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    # Its log calls every answer "200 OK", errors too.
    logging.getLogger("pypiserver").setLevel(logging.WARNING)
    users = read_users(Path(os.environ.get("HTPASSWD_FILE", "/etc/app-secrets/htpasswd")))
    app = pypiserver.app(roots=[PACKAGES], authenticate=["download", "list", "update"], auther=authenticator(users))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    waitress.serve(app, listen=f"0.0.0.0:{PORT}")  # of the container; podman or Kubernetes publish the port


if __name__ == "__main__":
    main()
