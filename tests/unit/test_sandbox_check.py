"""`make check`: the app is asked through a tunnel."""

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
    """An address at which nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def tunnel(url: str, tmp_path: Path) -> str:
    """The command of a "tunnel" through which /api answers at the address."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "api").touch()
    words = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
    return f"exec {shlex.join([*words, '--directory', str(tmp_path / 'app')])}"


def test_the_check_opens_the_tunnel_itself_and_closes_it(
    url: str, tunnel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "pid"
    outputs = {"url": url, "health": f"{url}/api", "tunnel": f"echo $$ > {opened}; {tunnel}"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    said: list[str] = []
    check.check("local", said.append)
    assert url in "\n".join(said)
    assert outputs["tunnel"] in "\n".join(said)
    with pytest.raises(ProcessLookupError):
        os.kill(int(opened.read_text()), 0)


def test_the_tunnel_to_a_cluster_is_told_by_its_make_target(
    url: str, tunnel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"url": url, "health": f"{url}/api", "tunnel": tunnel, "kubeconfig": "printf %s {}"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    said: list[str] = []
    check.check("local-oke", said.append)
    assert "make tunnel STACK=local-oke\n" in "\n".join(said)
    assert "http.server" not in "\n".join(said)


@pytest.mark.parametrize("action", ["check", "hold_tunnel"])
def test_a_tunnel_whose_port_another_one_has_is_refused_with_the_key_that_moves_it(
    action: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The app of another stack would answer there.
    outputs = {"url": url, "health": f"{url}/api", "tunnel": "exec sleep 600"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    port = int(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(SandboxError) as caught:
        getattr(check, action)("dev", lambda _: None)
    assert f"127.0.0.1:{port} is taken" in str(caught.value)
    assert f"config set port {port + 1} --stack dev" in str(caught.value)
    assert "make up STACK=dev" in str(caught.value)


def test_an_app_that_does_not_answer_is_told_with_what_the_tunnel_said(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {"url": url, "health": f"{url}/missing", "tunnel": "echo Permission denied >&2; exit 255"}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    monkeypatch.setattr(check, "SECONDS", 1)
    with pytest.raises(SandboxError) as caught:
        check.check("local", lambda _: None)
    assert str(caught.value).count("Permission denied") == 1


def test_what_a_tunnel_said_is_told_also_when_the_next_one_hangs(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel = f"mkdir {tmp_path}/first 2>/dev/null || exec sleep 600; echo Permission denied >&2; exit 255"
    outputs = {"url": url, "health": f"{url}/missing", "tunnel": tunnel}
    monkeypatch.setattr(check, "outputs", lambda stack: outputs)
    monkeypatch.setattr(check, "SECONDS", 1)
    with pytest.raises(SandboxError, match="Permission denied"):
        check.check("local", lambda _: None)
