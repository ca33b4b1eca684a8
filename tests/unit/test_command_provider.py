"""The stand-in of pulumi-command against a real SSH server in this process: what it runs, refuses, reports and plans."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.command import session
from sandbox.command.errors import CommandError
from sandbox.command.inputs import decode
from sandbox.command.provider import CommandProvider
from sandbox.command.values import UNKNOWN
from tests.engine.command_project import Machine, running

URN = "urn:pulumi:test::commands::command:remote:Command::app"
PRIVATE = "the plaintext password"
CAMEL = {
    "private_key": "privateKey",
    "private_key_password": "privateKeyPassword",
    "host_key": "hostKey",
    "dial_error_limit": "dialErrorLimit",
    "per_dial_timeout": "perDialTimeout",
    "agent_socket_path": "agentSocketPath",
}


class RecordingLog:
    """Keeps what would go to the engine."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    async def status(self, message: str) -> None:
        self.lines.append(("status", message))

    async def warning(self, message: str) -> None:
        self.lines.append(("warning", message))

    async def error(self, message: str) -> None:
        self.lines.append(("error", message))

    @property
    def text(self) -> str:
        return "\n".join(message for _, message in self.lines)


@pytest.fixture
def log() -> RecordingLog:
    return RecordingLog()


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with running(Machine(tmp_path)) as machine:
        yield machine


def wire(value: Any) -> PropertyValue:
    """A Python value as the engine sends it."""
    if isinstance(value, dict):
        return PropertyValue({CAMEL.get(str(name), str(name)): wire(part) for name, part in value.items()})
    if isinstance(value, list):
        return PropertyValue([wire(part) for part in value])
    if isinstance(value, PropertyValue):
        return value
    return PropertyValue(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def secret(value: Any) -> PropertyValue:
    return wire(value).with_secret(True)


def inputs(connection: Any, **others: Any) -> dict[str, PropertyValue]:
    return {"connection": secret(connection), **{name: wire(value) for name, value in others.items()}}


def ask(log: RecordingLog, request: Callable[[CommandProvider], Coroutine[Any, Any, Any]]) -> Any:
    async def answer() -> Any:
        return await request(CommandProvider(lambda urn: log))

    return asyncio.run(answer())


def check(news: dict[str, PropertyValue]) -> Any:
    return ask(RecordingLog(), lambda p: p.check(api.CheckRequest(URN, {}, news, b"")))


def diff(old: dict[str, PropertyValue], new: dict[str, PropertyValue]) -> Any:
    state = {**old, "stdout": PropertyValue("before"), "stderr": PropertyValue("")}
    return ask(RecordingLog(), lambda p: p.diff(api.DiffRequest(URN, "id", state, new, [])))


def create(log: RecordingLog, news: dict[str, PropertyValue], preview: bool = False, timeout: float = 0) -> Any:
    return ask(log, lambda p: p.create(api.CreateRequest(URN, news, timeout, preview))).properties


def update(
    log: RecordingLog, olds: dict[str, PropertyValue], news: dict[str, PropertyValue], preview: bool = False
) -> Any:
    return ask(log, lambda p: p.update(api.UpdateRequest(URN, "id", olds, news, 0, [], preview))).properties


def delete(log: RecordingLog, state: dict[str, PropertyValue]) -> None:
    ask(log, lambda p: p.delete(api.DeleteRequest(URN, "id", state, 0)))


# --- running -----------------------------------------------------------------------------------------------------------


def test_create_runs_the_script_and_returns_its_output_without_the_last_newline(
    machine: Machine, log: RecordingLog
) -> None:
    state = create(log, inputs(machine.connection(), create="echo one; echo two; echo three >&2"))
    assert state["stdout"] == PropertyValue("one\ntwo")
    assert state["stderr"] == PropertyValue("three")
    assert {line for _, line in log.lines} == {"one", "two", "three"}


def test_without_create_nothing_is_run_and_nothing_connected(machine: Machine, log: RecordingLog) -> None:
    state = create(log, inputs(machine.connection(), delete="true"))
    assert (state["stdout"].value, state["stderr"].value, machine.connections) == ("", "", 0)


def test_stdin_reaches_the_script_and_no_log(machine: Machine, log: RecordingLog) -> None:
    create(log, inputs(machine.connection(), create="cat > given", stdin=secret(PRIVATE + "\nsecond line")))
    assert machine.read("given") == PRIVATE + "\nsecond line"
    assert PRIVATE not in log.text


def test_a_script_that_reads_gets_the_end_of_file_when_there_is_no_stdin(machine: Machine, log: RecordingLog) -> None:
    assert create(log, inputs(machine.connection(), create="cat; echo end"))["stdout"].value == "end"


def test_a_large_stdin_and_a_large_output_pass_whole(machine: Machine, log: RecordingLog) -> None:
    text = "".join(f"{number}\n" for number in range(600_000))
    state = create(log, inputs(machine.connection(), create="cat", stdin=text, logging="none"))
    assert state["stdout"].value == text.removesuffix("\n")


@pytest.mark.parametrize(
    ("logging", "logged"),
    [
        (None, {"out", "err"}),
        ("stdoutAndStderr", {"out", "err"}),
        ("stdout", {"out"}),
        ("stderr", {"err"}),
        ("none", set()),
    ],
)
def test_logging_says_which_stream_is_logged_and_both_are_outputs(
    machine: Machine, log: RecordingLog, logging: str | None, logged: set[str]
) -> None:
    extra = {} if logging is None else {"logging": logging}
    state = create(log, inputs(machine.connection(), create="echo out; echo err >&2", **extra))
    assert {line for _, line in log.lines} == logged
    assert (state["stdout"].value, state["stderr"].value) == ("out", "err")


def test_output_is_logged_while_the_script_still_runs(machine: Machine, log: RecordingLog) -> None:
    """The script waits for what the test does once it has seen the first line."""

    async def go() -> None:
        news = inputs(machine.connection(), create="echo first; until test -e go; do sleep 0.02; done; printf last")
        run = asyncio.create_task(CommandProvider(lambda urn: log).create(api.CreateRequest(URN, news, 0, False)))
        while ("status", "first") not in log.lines:
            await asyncio.sleep(0.01)
        (machine.home / "go").touch()
        await run

    asyncio.run(asyncio.wait_for(go(), 20))
    assert log.lines == [("status", "first"), ("status", "last")]


def test_a_failing_script_is_named_with_its_status_and_output_whatever_logging_says(
    machine: Machine, log: RecordingLog
) -> None:
    script = 'echo "some output"\necho problem >&2\nexit 3'
    with pytest.raises(CommandError) as failure:
        create(log, inputs(machine.connection(), create=script, logging="none", stdin=secret(PRIVATE)))
    message = str(failure.value)
    assert message.startswith(
        'Process exited with status 3: running "echo \\"some output\\"\\necho problem >&2\\nexit 3":\n'
    )
    assert "some output" in message
    assert "problem" in message
    assert PRIVATE not in message
    assert log.lines == []


def test_a_script_that_ends_before_it_has_read_its_input_is_told_by_its_own_end(
    machine: Machine, log: RecordingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = session._Channel.start

    async def late(channel: session._Channel, of: session._Session, script: str) -> None:
        await start(channel, of, script)
        await of.closed.wait()

    monkeypatch.setattr(session._Channel, "start", late)
    with pytest.raises(CommandError, match="Process exited with status 3"):
        create(log, inputs(machine.connection(), create="exit 3", stdin=secret(PRIVATE)))
    assert (
        create(log, inputs(machine.connection(), create="echo done", stdin=secret(PRIVATE)))["stdout"].value == "done"
    )


def test_a_killed_script_is_a_failure(machine: Machine, log: RecordingLog) -> None:
    with pytest.raises(CommandError, match="status 137 from signal KILL: running"):
        create(log, inputs(machine.connection(), create="kill -KILL $$"))


def test_output_that_is_not_text_is_a_failure(machine: Machine, log: RecordingLog) -> None:
    with pytest.raises(CommandError, match="not UTF-8"):
        create(log, inputs(machine.connection(), create="printf '\\377'"))


def test_a_logged_line_on_which_the_real_provider_would_hang_is_a_failure(machine: Machine, log: RecordingLog) -> None:
    script = "head -c 65536 /dev/zero | tr '\\0' x"
    with pytest.raises(CommandError, match="logging to none"):
        create(log, inputs(machine.connection(), create=script))
    assert len(create(log, inputs(machine.connection(), create=script, logging="none"))["stdout"].value) == 65536


def test_an_output_is_not_secret_because_an_input_is(machine: Machine, log: RecordingLog) -> None:
    state = create(log, inputs(machine.connection(), create=secret("cat"), stdin=secret(PRIVATE)))
    assert state["stdout"] == PropertyValue(PRIVATE)
    assert state["connection"].is_secret
    assert state["stdin"].is_secret


# --- environment -------------------------------------------------------------------------------------------------------


def test_an_accepted_variable_reaches_the_script(tmp_path: Path, log: RecordingLog) -> None:
    with running(Machine(tmp_path, accept_env=("APP",))) as machine:
        state = create(log, inputs(machine.connection(), create='echo "$APP"', environment={"APP": "x y"}))
    assert state["stdout"].value == "x y"


def test_a_variable_that_sshd_refuses_is_an_error_and_nothing_runs(machine: Machine, log: RecordingLog) -> None:
    with pytest.raises(CommandError, match='could not set environment variable "APP": ssh: setenv failed'):
        create(log, inputs(machine.connection(), create="touch ran", environment={"APP": "x"}))
    assert "AcceptEnv" in log.text
    assert not (machine.home / "ran").exists()


def test_the_previous_output_is_in_the_environment_of_update_and_delete(tmp_path: Path, log: RecordingLog) -> None:
    with running(Machine(tmp_path, accept_env=("PULUMI_COMMAND_STDOUT", "PULUMI_COMMAND_STDERR"))) as machine:
        news = inputs(machine.connection(), create="echo a; echo b >&2", delete='echo "$PULUMI_COMMAND_STDOUT" > last')
        state = create(log, news)
        again = {**news, "update": wire('echo "$PULUMI_COMMAND_STDOUT$PULUMI_COMMAND_STDERR"')}
        state = update(log, state, again)
        assert state["stdout"].value == "ab"
        delete(log, state)
        assert machine.read("last") == "ab\n"


def test_a_refused_previous_output_is_a_warning_unless_switched_off(machine: Machine, log: RecordingLog) -> None:
    news = inputs(machine.connection(), create="echo x")
    state = create(log, news)
    update(log, state, {**news, "update": wire("true")})
    assert [kind for kind, line in log.lines if "PULUMI_COMMAND_STDOUT" in line] == ["warning"]
    log.lines.clear()
    update(log, state, {**news, "update": wire("true"), "addPreviousOutputInEnv": wire(False)})
    assert log.lines == []


# --- update and delete -------------------------------------------------------------------------------------------------


def test_update_runs_update_where_given_and_create_otherwise(machine: Machine, log: RecordingLog) -> None:
    state = create(log, inputs(machine.connection(), create="echo 1"))
    assert update(log, state, inputs(machine.connection(), create="echo 2"))["stdout"].value == "2"
    assert update(log, state, inputs(machine.connection(), create="echo 2", update="echo 3"))["stdout"].value == "3"
    assert machine.commands == ["echo 1", "echo 2", "echo 3"]


def test_update_with_nothing_to_run_keeps_the_output(machine: Machine, log: RecordingLog) -> None:
    state = create(log, inputs(machine.connection(), create="echo 1"))
    assert update(log, state, inputs(machine.connection(), delete="true"))["stdout"].value == "1"


def test_delete_uses_the_connection_in_the_state_and_fails_when_the_host_is_gone(
    tmp_path: Path, log: RecordingLog
) -> None:
    with running(Machine(tmp_path)) as machine:
        state = create(log, inputs(machine.connection(), create="true", delete="touch deleted"))
        delete(log, state)
        assert (tmp_path / "deleted").exists()
    with pytest.raises(CommandError, match=r"after 1 failed attempts: dial tcp 127\.0\.0\.1"):
        delete(log, state)


def test_delete_without_a_script_needs_no_host(log: RecordingLog) -> None:
    delete(log, inputs({"host": "192.0.2.1"}, create="true"))


# --- connecting --------------------------------------------------------------------------------------------------------


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
        with pytest.raises(CommandError, match="private key cannot be used") as failure:
            create(log, inputs(machine.connection(private_key=key, private_key_password=given), create="true"))
        assert key not in str(failure.value)
    with pytest.raises(CommandError, match="not an encrypted key"):
        create(log, inputs(machine.connection(private_key_password=PRIVATE), create="true"))


def test_another_private_key_is_refused(machine: Machine, log: RecordingLog) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(CommandError, match="unable to authenticate"):
        create(log, inputs(machine.connection(private_key=stranger, dial_error_limit=0), create="true"))


@pytest.mark.parametrize("named", [True, False])
def test_an_agent_logs_in_where_no_key_is_given(
    machine: Machine, log: RecordingLog, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    path = str(machine.home / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        while not Path(path).exists():
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


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


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
        news = inputs(machine.connection(), create="echo started; sleep 0.5; echo done")
        run = asyncio.create_task(provider.create(api.CreateRequest(URN, news, 0, False)))
        while ("status", "started") not in log.lines:
            await asyncio.sleep(0.01)
        await provider.cancel()
        return await run

    asyncio.run(asyncio.wait_for(dialling(), 20))
    assert asyncio.run(asyncio.wait_for(script_running(), 20)).properties["stdout"].value == "started\ndone"


# --- preview -----------------------------------------------------------------------------------------------------------


def test_a_preview_connects_nowhere_and_knows_no_output(machine: Machine, log: RecordingLog) -> None:
    news = inputs(machine.connection(), create="touch ran", triggers=["a", UNKNOWN])
    planned = create(log, news, preview=True)
    assert planned == {**news, "stdout": UNKNOWN, "stderr": UNKNOWN}
    state = {**news, "stdout": PropertyValue("x"), "stderr": PropertyValue("")}
    planned = update(log, state, {**news, "create": wire("touch other")}, preview=True)
    assert (planned["stdout"], planned["stderr"]) == (UNKNOWN, UNKNOWN)
    assert machine.connections == 0


# --- what is planned ---------------------------------------------------------------------------------------------------

HOST = {"host": "h"}
A, U = api.PropertyDiffKind.ADD, api.PropertyDiffKind.UPDATE
AR, DR, UR = api.PropertyDiffKind.ADD_REPLACE, api.PropertyDiffKind.DELETE_REPLACE, api.PropertyDiffKind.UPDATE_REPLACE
D = api.PropertyDiffKind.DELETE

# Each line as the official plugin 1.2.1, built from its source, answers the same request.
DIFFS: list[tuple[dict[str, Any], dict[str, Any], dict[str, api.PropertyDiffKind]]] = [
    ({"create": "a"}, {"create": "a"}, {}),
    ({"create": "a"}, {"create": "b"}, {"create": U}),
    ({"create": "a"}, {}, {"create": D}),
    ({}, {"update": "u"}, {"update": A}),
    ({"delete": "a"}, {"delete": "b"}, {"delete": U}),
    ({}, {"connection": secret({"host": "other"})}, {"connection": U}),
    ({}, {"connection": wire(HOST)}, {"connection": U}),
    ({}, {"connection": UNKNOWN}, {"connection": U}),
    ({"stdin": secret("a")}, {"stdin": secret("b")}, {"stdin": U}),
    ({}, {"logging": "none"}, {"logging": A}),
    ({}, {"addPreviousOutputInEnv": False}, {"addPreviousOutputInEnv": A}),
    (
        {"environment": {"A": "1", "C": "3", "a.b": "1"}},
        {"environment": {"A": "2", "B": "1", "a.b": "2"}},
        {"environment.A": U, "environment.B": A, "environment.C": D, 'environment["a.b"]': U},
    ),
    ({"environment": {"A": "1"}}, {"environment": {"A": None}}, {"environment.A": D}),
    # The SDK's replace_on_changes=["triggers[*]"] makes the engine replace for a changed element.
    ({"triggers": ["a", "b"]}, {"triggers": ["a", "c"]}, {"triggers[1]": U}),
    ({"triggers": ["a"]}, {"triggers": ["a", "b"]}, {"triggers[1]": A}),
    ({"triggers": ["a", "b"]}, {"triggers": ["a"]}, {"triggers[1]": D}),
    ({"triggers": [{"x": {"y": 1}}]}, {"triggers": [{"x": {"y": 2}}]}, {"triggers[0].x.y": U}),
    ({"triggers": [1]}, {"triggers": [True]}, {"triggers[0]": U}),
    ({"triggers": ["a"]}, {"triggers": [UNKNOWN]}, {"triggers[0]": U}),
    ({"triggers": [secret("a")]}, {"triggers": ["a"]}, {"triggers[0]": U}),
    ({"triggers": ["a"]}, {"triggers": UNKNOWN}, {"triggers": UR}),
    ({"triggers": secret(["a"])}, {"triggers": secret(["b"])}, {"triggers": UR}),
    ({}, {"triggers": ["a"]}, {"triggers": AR}),
    ({"triggers": ["a"]}, {}, {"triggers": DR}),
]


@pytest.mark.parametrize(("old", "new", "expected"), DIFFS)
def test_what_a_change_of_inputs_does(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, api.PropertyDiffKind]
) -> None:
    before = {**inputs(HOST), **{name: wire(value) for name, value in old.items()}}
    after = {**inputs(HOST), **{name: wire(value) for name, value in new.items()}}
    answer = diff(before, after)
    assert {path: change.kind for path, change in answer.detailed_diff.items()} == expected
    assert answer.changes == bool(expected)
    assert answer.replaces == [path for path, kind in expected.items() if kind in (AR, DR, UR)]


def test_an_ignored_change_is_none() -> None:
    state = {**inputs(HOST, create="a"), "stdout": PropertyValue(""), "stderr": PropertyValue("")}
    request = api.DiffRequest(URN, "id", state, inputs(HOST, create="b"), ["create"])
    assert ask(RecordingLog(), lambda p: p.diff(request)).changes is False


def test_check_fills_in_defaults_and_marks_secrets() -> None:
    checked = check({"connection": wire({"host": "h", "private_key": "k", "proxy": {"host": "p", "password": "x"}})})
    assert checked.failures == []
    connection = checked.inputs["connection"]
    proxy = connection.value["proxy"]
    assert connection.is_secret
    assert connection.value["privateKey"] == secret("k")
    assert proxy.value["password"] == secret("x")
    for end in (connection, proxy):
        defaults = {name: end.value[name].value for name in ("user", "port", "dialErrorLimit", "perDialTimeout")}
        assert defaults == {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"connection": None}, "connection", "missing"),
    ({"connection": {"user": "u"}}, "connection.host", "missing"),
    ({"connection": "h"}, "connection", "must be an object"),
    ({"connection": {"host": 3}}, "connection.host", "must be a string"),
    ({"connection": {"host": "h", "port": "22"}}, "connection.port", "must be a number"),
    ({"connection": {"host": "h", "privatekey": "k"}}, "connection.privatekey", "privateKey, "),
    ({"connection": {"host": "h", "dialErrorLimit": 2.5}}, "connection.dialErrorLimit", "whole number"),
    ({"connection": {"host": "h", "proxy": {}}}, "connection.proxy.host", "missing"),
    ({"creat": "x"}, "creat", "is not a property"),
    ({"create": ["x"]}, "create", "must be a string"),
    ({"stdin": 3}, "stdin", "must be a string"),
    ({"environment": {"A": 1}}, "environment.A", "must be a string"),
    ({"triggers": "a"}, "triggers", "must be an array"),
    ({"logging": "all"}, "logging", "stdoutAndStderr"),
    ({"addPreviousOutputInEnv": "false"}, "addPreviousOutputInEnv", "must be a boolean"),
]


@pytest.mark.parametrize(("wrong", "name", "reason"), WRONG)
def test_what_the_sdk_does_not_declare_fails_the_plan(wrong: dict[str, Any], name: str, reason: str) -> None:
    news = {**inputs(HOST), **{key: wire(value) for key, value in wrong.items()}}
    failures = check(news).failures or []
    assert len(failures) == 1
    assert failures[0].reason.startswith(f"{name} ")
    assert reason in failures[0].reason
    assert failures[0].property == "", "the engine would print the property's value"


def test_unknown_inputs_are_in_order_in_a_plan() -> None:
    unknown = {
        "connection": secret({"host": UNKNOWN}),
        "environment": UNKNOWN,
        "triggers": wire([UNKNOWN]),
        "stdin": UNKNOWN,
    }
    assert check(unknown).failures == []
    assert check({"connection": UNKNOWN.with_secret(True)}).failures == []


@pytest.mark.parametrize("kind", ["command:local:Command", "command:remote:CopyToRemote", "command:remote:CopyFile"])
def test_other_resources_are_refused_with_the_way_out(kind: str) -> None:
    request = api.CheckRequest(URN.replace("command:remote:Command", kind), {}, {}, b"")
    with pytest.raises(CommandError, match=f"not {kind}.*SANDBOX_PLUGINS"):
        ask(RecordingLog(), lambda p: p.check(request))


def test_secrets_are_in_no_representation() -> None:
    connection = {"host": "h", "private_key": PRIVATE, "private_key_password": PRIVATE, "password": PRIVATE}
    command = decode(inputs(connection, stdin=secret(PRIVATE)))
    assert PRIVATE not in repr(command)
    assert dataclasses.asdict(command)["stdin"] == PRIVATE
