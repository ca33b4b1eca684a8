"""`make check` and `make tunnel`."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path

import pytest

from sandbox import check
from sandbox.process import SandboxError
from tests.support.ports import free_port


@pytest.fixture
def url() -> str:
    """An address where nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def tunnel(url: str, tmp_path: Path) -> str:
    """The command of a "tunnel" that serves /api at the address."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "api").touch()
    words = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
    return f"exec {shlex.join([*words, '--directory', str(tmp_path / 'app')])}"


def test_check_opens_and_closes_its_own_tunnel(
    url: str, tunnel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "pid"
    outputs = {"url": url, "health": f"{url}/api", "tunnel": f"echo $$ > {opened}; {tunnel}"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    said: list[str] = []
    check.check("local", said.append)
    assert url in "\n".join(said)
    assert "make tunnel\n" in "\n".join(said)
    with pytest.raises(ProcessLookupError):
        os.kill(int(opened.read_text()), 0)


def test_check_names_the_make_target_of_a_cluster_tunnel(
    url: str, tunnel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"url": url, "health": f"{url}/api", "tunnel": tunnel, "kubeconfig": "printf %s {}"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    said: list[str] = []
    check.check("local-oke", said.append)
    assert "make tunnel STACK=local-oke\n" in "\n".join(said)
    assert "http.server" not in "\n".join(said)


@pytest.mark.parametrize("action", ["check", "hold_tunnel"])
def test_check_names_the_key_that_changes_a_taken_port(action: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The app of another stack would answer there.
    outputs = {"url": url, "health": f"{url}/api", "tunnel": "exec sleep 600"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    port = int(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(SandboxError) as caught:
        getattr(check, action)("dev", lambda _: None)
    assert f"127.0.0.1:{port} is taken" in str(caught.value)
    assert f"config set port {port + 1} --stack dev" in str(caught.value)
    assert "make up STACK=dev" in str(caught.value)


def test_check_error_contains_the_tunnel_output(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"url": url, "health": f"{url}/missing", "tunnel": "echo Permission denied >&2; exit 255"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    monkeypatch.setattr(check, "SECONDS", 1)
    with pytest.raises(SandboxError) as caught:
        check.check("local", lambda _: None)
    assert str(caught.value).count("Permission denied") == 1


def test_check_error_contains_the_output_of_earlier_tunnels(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel = f"mkdir {tmp_path}/first 2>/dev/null || exec sleep 600; echo Permission denied >&2; exit 255"
    outputs = {"url": url, "health": f"{url}/missing", "tunnel": tunnel}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    monkeypatch.setattr(check, "SECONDS", 1)
    with pytest.raises(SandboxError, match="Permission denied"):
        check.check("local", lambda _: None)
