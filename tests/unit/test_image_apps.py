"""The apps' own files: how they read secrets and settings, and the health check."""

from __future__ import annotations

import http.server
import runpy
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
SHARED = DOCKER / "shared" / "python"
CONFIG = DOCKER / "jupyterlab" / "jupyter_server_config.py"
SERVE = DOCKER / "pypiserver" / "serve.py"
# A fixed salt, so that all processes name the tests alike.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right", salt=b"of 16 bytes here")


class Recorder(types.SimpleNamespace):
    """A fake of traitlets' Config: makes a section when it is first named."""

    def __getattr__(self, section: str) -> Any:
        if section.startswith("__"):
            raise AttributeError(section)
        setattr(self, section, types.SimpleNamespace())
        return getattr(self, section)


def load_config(monkeypatch: pytest.MonkeyPatch, path: Path, port: str = "") -> Recorder:
    """Run jupyter_server_config.py as Jupyter does, with the password's hash at `path` and `port` in PORT."""
    monkeypatch.setenv("PASSWORD_HASH_FILE", str(path))
    if port:
        monkeypatch.setenv("PORT", port)
    else:
        monkeypatch.delenv("PORT", raising=False)
    config = Recorder()
    runpy.run_path(str(CONFIG), init_globals={"get_config": lambda: config})
    return config


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_jupyterlab_reads_the_hash_from_the_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    secret = tmp_path / "password-hash"
    secret.write_bytes(f"argon2:{HASH}{ending}".encode())
    config = load_config(monkeypatch, secret)
    assert config.PasswordIdentityProvider.hashed_password == f"argon2:{HASH}"
    assert config.PasswordIdentityProvider.password_required is True
    assert config.PasswordIdentityProvider.allow_password_change is False
    assert config.IdentityProvider.token == ""
    assert (config.ServerApp.port, config.ServerApp.root_dir) == (8888, "/jupyter")


def test_jupyterlab_listens_on_the_configured_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "password-hash"
    secret.write_text(f"argon2:{HASH}")
    assert load_config(monkeypatch, secret, port="9999").ServerApp.port == 9999


@pytest.mark.parametrize(("value", "seconds"), [(None, 0), ("0", 0), ("3600", 3600)])
def test_jupyterlab_ends_idle_kernels_after_the_configured_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str | None, seconds: int
) -> None:
    secret = tmp_path / "password-hash"
    secret.write_text(f"argon2:{HASH}")
    if value is not None:
        monkeypatch.setenv("CULL_IDLE_SECONDS", value)
    assert load_config(monkeypatch, secret).MappingKernelManager.cull_idle_timeout == seconds


def test_jupyterlab_does_not_start_with_an_idle_time_that_is_no_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "password-hash"
    secret.write_text(f"argon2:{HASH}")
    monkeypatch.setenv("CULL_IDLE_SECONDS", "1h")
    with pytest.raises(SystemExit, match="CULL_IDLE_SECONDS is '1h'; it takes whole seconds"):
        load_config(monkeypatch, secret)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "no password hash at .*: No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"opensesame", "is not a hash of the form"),
        (HASH.encode(), "is not a hash of the form"),
        (b"argon2:" + HASH.encode()[:-24], "is not a hash of the form"),
        (b"argon2:" + HASH.replace("argon2id", "argon2i").encode(), "is not a hash of the form"),
        (b"argon2:" + HASH.encode() + b"\nargon2:second", "is not a hash of the form"),
        (b"sha1:67c9e60bb8b6:9ffede0825894254b2e042ea597d771089e11aed", "is not a hash of the form"),
        ("argon2:\N{LATIN SMALL LETTER E WITH ACUTE}".encode(), "is not a password hash"),
    ],
)
def test_jupyterlab_does_not_start_without_a_hash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, error: str
) -> None:
    secret = tmp_path / "password-hash"
    if content is not None:
        secret.write_bytes(content)
    # Jupyter only logs other exceptions, and starts.
    with pytest.raises(SystemExit, match=f"^JupyterLab not started: .*{error}") as refusal:
        load_config(monkeypatch, secret)
    message = str(refusal.value)
    assert "\n" not in message
    assert not content or not content.strip() or content.decode().strip() not in message


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of serve.py, without the two servers, which only the image has."""
    for module in ("pypiserver", "waitress"):
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    return runpy.run_path(str(SERVE))


def test_pypiserver_checks_passwords_of_the_users_in_the_secret(serve: dict[str, Any], tmp_path: Path) -> None:
    secret = tmp_path / "htpasswd"
    secret.write_text(f"team:{HASH}\nguest:{HASH}\n")
    is_right = serve["authenticator"](serve["read_users"](secret))
    assert is_right("team", "right")
    assert is_right("guest", "right")
    assert not is_right("team", "wrong")
    assert not is_right("team", "")
    assert not is_right("stranger", "right")


def test_pypiserver_treats_a_damaged_hash_as_a_wrong_password(serve: dict[str, Any]) -> None:
    assert not serve["authenticator"]({"team": "$argon2id$damaged"})("team", "right")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "no users at .*: No such file or directory"),
        ("", "no user in"),
        ("\n", "no user in"),
        ("team:opensesame", "is not of the form"),
        (HASH, "is not of the form"),
        (f":{HASH}", "is not of the form"),
        (f"team:{HASH}\nguest:", "is not of the form"),
    ],
)
def test_pypiserver_does_not_start_without_users(
    serve: dict[str, Any], tmp_path: Path, content: str | None, error: str
) -> None:
    secret = tmp_path / "htpasswd"
    if content is not None:
        secret.write_text(content)
    with pytest.raises(SystemExit, match=f"^pypiserver not started: .*{error}") as refusal:
        serve["read_users"](secret)
    assert "opensesame" not in str(refusal.value)
    assert HASH not in str(refusal.value)


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of a server that answers with the status in the path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path[1:]))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listener.server_port}"
    listener.shutdown()
    listener.server_close()


def healthcheck(url: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a proxy in the environment, which it must not use."""
    command = [sys.executable, "-IS", str(SHARED / "healthcheck"), url]
    environment = {"http_proxy": "http://127.0.0.1:1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_healthcheck_fails_on_statuses_of_errors(server: str) -> None:
    assert healthcheck(f"{server}/200").returncode == 0
    for status in (401, 404, 503):
        result = healthcheck(f"{server}/{status}")
        assert result.returncode == 1
        assert str(status) in result.stderr


def test_healthcheck_fails_in_one_line_if_nothing_listens() -> None:
    result = healthcheck("http://127.0.0.1:1/api")
    assert result.returncode == 1
    assert "Connection refused" in result.stderr
    assert result.stderr.count("\n") == 1
