"""Scripts that the emulated command provider runs, and its output."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.command import session
from sandbox.command.errors import CommandError
from sandbox.command.provider import CommandProvider
from tests.engine.command_project import Machine, running
from tests.unit.command.conftest import PRIVATE, URN, RecordingLog, create, delete, inputs, secret, update, wire


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


def test_script_may_end_before_reading_its_input(
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
