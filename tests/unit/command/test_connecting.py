"""Connections of the emulated command provider: host keys, logins, agents, proxies, attempts."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pulumi.provider.experimental import provider as api

from sandbox.command.errors import CommandError
from sandbox.command.provider import CommandProvider
from tests.engine.command_project import Machine, running
from tests.support.ports import free_port
from tests.unit.command.conftest import PRIVATE, URN, RecordingLog, create, inputs, secret


def test_a_pinned_host_key_must_be_the_servers(machine: Machine, log: RecordingLog) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    with pytest.raises(CommandError, match="host key mismatch"):
        create(log, inputs(machine.connection(host_key=other), create="touch ran"))
    assert machine.commands == []


def test_without_a_pin_any_host_key_is_accepted(machine: Machine, log: RecordingLog) -> None:
    assert create(log, inputs(machine.connection(host_key=None), create="echo yes"))["stdout"].value == "yes"


def test_a_pin_of_another_kind_of_key_finds_no_common_algorithm(machine: Machine, log: RecordingLog) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(CommandError, match="handshake failed"):
        create(log, inputs(machine.connection(host_key=other, dial_error_limit=0), create="true"))


def test_a_pinned_rsa_key_fails_where_sha1_signatures_are_refused(tmp_path: Path, log: RecordingLog) -> None:
    """As with the official plugin, which offers ssh-rsa alone for such a pin."""
    with running(Machine(tmp_path, host_key=asyncssh.generate_private_key("ssh-rsa"))) as machine:
        assert create(log, inputs(machine.connection(host_key=None), create="echo yes"))["stdout"].value == "yes"
        algorithms: list[str] = []
        original = asyncssh.connect

        async def recording(*args: Any, **options: Any) -> Any:
            algorithms.extend(options["server_host_key_algs"])
            return await original(*args, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncssh, "connect", recording)
            create(log, inputs(machine.connection(dial_error_limit=0), create="true"))
    assert algorithms == ["ssh-rsa"]


def test_a_malformed_pin_fails_at_once(log: RecordingLog) -> None:
    with pytest.raises(CommandError, match="failed to parse host key"):
        create(log, inputs({"host": "192.0.2.1", "host_key": "not a key"}, create="true"))


def test_a_password_logs_in(tmp_path: Path, log: RecordingLog) -> None:
    with running(Machine(tmp_path, password=PRIVATE)) as machine:
        right = machine.connection(private_key=None, password=secret(PRIVATE))
        assert create(log, inputs(right, create="echo in"))["stdout"].value == "in"
        wrong = machine.connection(private_key=None, password=secret("wrong " + PRIVATE), dial_error_limit=0)
        with pytest.raises(CommandError, match="unable to authenticate as opc") as failure:
            create(log, inputs(wrong, create="true"))
    assert PRIVATE not in str(failure.value) + log.text


def test_an_encrypted_private_key_needs_its_password(machine: Machine, log: RecordingLog) -> None:
    key = machine.client_key.export_private_key(passphrase=PRIVATE).decode()
    right = machine.connection(private_key=key, private_key_password=PRIVATE)
    assert create(log, inputs(right, create="echo in"))["stdout"].value == "in"
    for given in ("wrong", None):
        with pytest.raises(CommandError, match="private key is not usable") as failure:
            create(log, inputs(machine.connection(private_key=key, private_key_password=given), create="true"))
        assert key not in str(failure.value)
    with pytest.raises(CommandError, match="is not encrypted"):
        create(log, inputs(machine.connection(private_key_password=PRIVATE), create="true"))


def test_another_private_key_is_refused(machine: Machine, log: RecordingLog) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(CommandError, match="unable to authenticate"):
        create(log, inputs(machine.connection(private_key=stranger, dial_error_limit=0), create="true"))


@pytest.fixture
def agent_socket() -> Iterator[str]:
    """A path for the socket of an agent; no longer than 107 bytes, whatever the folder of the test is called."""
    with tempfile.TemporaryDirectory(prefix="agent-", dir="/tmp") as folder:
        yield f"{folder}/agent"


@pytest.mark.parametrize("named", [True, False])
def test_an_agent_logs_in_where_no_key_is_given(
    machine: Machine, log: RecordingLog, monkeypatch: pytest.MonkeyPatch, agent_socket: str, named: bool
) -> None:
    path = agent_socket
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not Path(path).exists():
            assert agent.poll() is None, f"ssh-agent ended with {agent.returncode}"
            assert time.monotonic() < deadline, f"ssh-agent did not make {path}"
            time.sleep(0.01)
        subprocess.run(
            ["ssh-add", "-q", "-"], input=machine.private_key, text=True, check=True, env={"SSH_AUTH_SOCK": path}
        )
        if not named:
            monkeypatch.setenv("SSH_AUTH_SOCK", path)
        connection = machine.connection(private_key=None, agent_socket_path=path if named else None)
        assert create(log, inputs(connection, create="echo in"))["stdout"].value == "in"
    finally:
        agent.terminate()
        agent.wait()


def test_an_agent_that_does_not_answer_is_an_error_even_with_a_key(
    machine: Machine, log: RecordingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(machine.home / "no-agent"))
    with pytest.raises(CommandError, match="SSH agent"):
        create(log, inputs(machine.connection(), create="true"))
    monkeypatch.delenv("SSH_AUTH_SOCK")
    with pytest.raises(CommandError, match="SSH agent"):
        create(log, inputs(machine.connection(agent_socket_path=""), create="true"))


def test_a_proxy_is_gone_through(machine: Machine, log: RecordingLog, tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(Machine(tmp_path_factory.mktemp("bastion"))) as bastion:
        connection = machine.connection(proxy=bastion.connection())
        assert create(log, inputs(connection, create="echo through"))["stdout"].value == "through"
        assert (bastion.connections, machine.connections) == (1, 1)
        closed = machine.connection(proxy=bastion.connection(), port=free_port(), dial_error_limit=0)
        with pytest.raises(CommandError, match="proxy: after 0 failed attempts"):
            create(log, inputs(closed, create="true"))


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_dialling_gives_up_after_the_limit_of_failed_attempts(log: RecordingLog, limit: int) -> None:
    connection = {"host": "127.0.0.1", "port": free_port(), "dial_error_limit": limit}
    with pytest.raises(CommandError, match=f"after {limit} failed attempts"):
        create(log, inputs(connection, create="true"))
    assert [line for _, line in log.lines] == [f"Dial {n}/{limit} failed: retrying" for n in range(1, limit + 1)]


def test_a_host_that_comes_up_late_is_reached(tmp_path: Path, log: RecordingLog) -> None:
    machine = Machine(tmp_path, port=free_port())

    async def go() -> Any:
        news = inputs(machine.connection(dial_error_limit=-1), create="echo up")
        run = asyncio.create_task(CommandProvider(lambda urn: log).create(api.CreateRequest(URN, news, 0, False)))
        while not log.lines:
            await asyncio.sleep(0.01)
        server = await machine.listen()
        result = await run
        server.close()
        return result

    assert asyncio.run(asyncio.wait_for(go(), 20)).properties["stdout"].value == "up"
    assert log.lines[0] == ("status", "Dial 1/inf failed: retrying")


def test_the_custom_timeout_ends_dialling_without_a_limit(log: RecordingLog) -> None:
    connection = {"host": "127.0.0.1", "port": free_port(), "dial_error_limit": -1}
    start = time.monotonic()
    with pytest.raises(CommandError, match="deadline exceeded"):
        create(log, inputs(connection, create="true"), timeout=1)
    assert time.monotonic() - start < 5


def test_the_limit_per_attempt_is_kept(log: RecordingLog) -> None:
    """A listener whose queue is full drops further connections in silence, as a firewall does."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        connection = {"host": "127.0.0.1", "port": port, "dial_error_limit": 0, "per_dial_timeout": 1}
        start = time.monotonic()
        with pytest.raises(CommandError, match="timed out"):
            create(log, inputs(connection, create="true"))
        assert time.monotonic() - start < 5


def test_cancellation_ends_dialling_and_waits_for_a_running_script(machine: Machine, log: RecordingLog) -> None:
    async def dialling() -> None:
        provider = CommandProvider(lambda urn: log)
        news = inputs({"host": "127.0.0.1", "port": free_port(), "dial_error_limit": -1}, create="true")
        run = asyncio.create_task(provider.create(api.CreateRequest(URN, news, 0, False)))
        while not log.lines:
            await asyncio.sleep(0.01)
        await provider.cancel()
        with pytest.raises(CommandError, match="context canceled"):
            await run

    async def script_running() -> api.CreateResponse:
        provider = CommandProvider(lambda urn: log)
        # Not for ever: nobody ends it when the test fails.
        waiting = "for _ in {1..200}; do [ ! -e cancelled ] || break; sleep 0.1; done"
        news = inputs(machine.connection(), create=f"echo started; {waiting}; echo done")
        run = asyncio.create_task(provider.create(api.CreateRequest(URN, news, 0, False)))
        while ("status", "started") not in log.lines:
            await asyncio.sleep(0.01)
        await provider.cancel()
        await asyncio.sleep(0.2)
        assert not run.done()
        (machine.home / "cancelled").touch()
        return await run

    asyncio.run(asyncio.wait_for(dialling(), 20))
    assert asyncio.run(asyncio.wait_for(script_running(), 20)).properties["stdout"].value == "started\ndone"
