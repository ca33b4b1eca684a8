"""Runs one command in one SSH session, with its environment, input and output.

Semantics from pulumi-command 1.2.1 (provider/pkg/provider/remote/commandOutputs.go, util/util.go).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal as signals
from dataclasses import dataclass

import asyncssh
from asyncssh.packet import String

from sandbox.command.errors import CommandError
from sandbox.command.inputs import Command
from sandbox.command.operation import Operation

# pulumi-command reads its log with Go's bufio.Scanner, which stops at a longer line, and the command hangs.
_MAX_LOGGED_LINE = 64 * 1024

_ACCEPT_ENV = (
    "Unable to set '{name}'. This only works if your SSH server is configured to accept these variables via AcceptEnv. "
    "Alternatively, if a Bash-like shell runs the command on the remote host, you could prefix the command itself "
    "with the variables in the form 'VAR=value command'"
)


@dataclass(frozen=True)
class Output:
    """The output of a successful command, without the last newline."""

    stdout: str
    stderr: str


async def run(client: asyncssh.SSHClientConnection, script: str, command: Command, operation: Operation) -> Output:
    """Run the script. Raises CommandError with script and output unless it exits with status 0."""
    session = _Session(command)
    channel = _Channel(client, command, operation)
    logging = asyncio.create_task(session.send_log(operation))
    try:
        await channel.start(session, script)
        # A command may end before it has read its input.
        with contextlib.suppress(BrokenPipeError):
            if command.stdin:
                channel.write(command.stdin.encode())
            channel.write_eof()
        await session.closed.wait()
    except asyncssh.ChannelOpenError as error:
        raise CommandError(f"{error.reason}: running {_quoted(script)}") from None
    finally:
        session.end_log()
        await logging
    problem = session.problem()
    if problem is not None:
        raise CommandError(f"{problem}: running {_quoted(script)}:\n{session.both.decode(errors='replace')}")
    return Output(_text("stdout", session.stdout, script), _text("stderr", session.stderr, script))


def _quoted(script: str) -> str:
    """Quote like Go's %q: in double quotes on one line."""
    return json.dumps(script, ensure_ascii=False)


def _text(name: str, output: bytearray, script: str) -> str:
    try:
        return output.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise CommandError(f"{name} of {_quoted(script)} is not UTF-8, which the engine does not accept") from None


class _Channel(asyncssh.SSHClientChannel[bytes]):
    """A session channel that asks the server to confirm each variable of the environment before the command starts.

    asyncssh sends variables without asking for an answer, so that one which AcceptEnv refuses is lost in silence; in
    pulumi-command it is an error.
    """

    def __init__(self, client: asyncssh.SSHClientConnection, command: Command, operation: Operation) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(client, loop, "strict", None, "strict", window=2 * 1024 * 1024, max_pktsize=32 * 1024)
        self._command_inputs = command
        self._operation = operation

    async def start(self, session: _Session, script: str) -> None:
        """Open the channel, set the environment and start the script."""
        await self.create(
            lambda: session,
            command=script,
            subsystem=None,
            env={},
            request_pty=False,
            term_type=None,
            term_size=None,
            term_modes={},
            x11_forwarding=False,
            x11_display=None,
            x11_auth_path=None,
            x11_single_connection=False,
            agent_forwarding=False,
        )

    async def _make_request(self, request: bytes, *args: bytes) -> bool | None:
        if request in (b"exec", b"shell"):
            await self._set_environment()
        if request == b"shell":  # what asyncssh makes of an empty command
            return await super()._make_request(b"exec", String(""))
        return await super()._make_request(request, *args)

    async def _set_environment(self) -> None:
        command, log = self._command_inputs, self._operation.log
        for name, value in command.environment.items():
            if not await self._make_request(b"env", String(name), String(value)):
                await log.error(_ACCEPT_ENV.format(name=name))
                self.close()
                raise CommandError(f'could not set environment variable "{name}": ssh: setenv failed')
        if command.add_previous_output:
            previous = {"PULUMI_COMMAND_STDOUT": command.stdout, "PULUMI_COMMAND_STDERR": command.stderr}
            for name, value in previous.items():
                if value and not await self._make_request(b"env", String(name), String(value)):
                    await log.warning(_ACCEPT_ENV.format(name=name))


class _Session(asyncssh.SSHClientSession[bytes]):
    """Collects output and exit status of the command, and logs lines of both streams as they arrive."""

    def __init__(self, command: Command) -> None:
        self._log_streams = {None: command.log_stdout, asyncssh.EXTENDED_DATA_STDERR: command.log_stderr}
        self._line = bytearray()
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._long_line = False
        self._exit: str | None = "wait: remote command exited without exit status or exit signal"
        self.stdout, self.stderr, self.both = bytearray(), bytearray(), bytearray()
        self.closed = asyncio.Event()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Bytes of standard output (datatype None) or standard error."""
        (self.stdout if datatype is None else self.stderr).extend(data)
        self.both.extend(data)
        if self._log_streams[datatype]:
            self._line.extend(data)
            *lines, rest = self._line.split(b"\n")
            self._line = bytearray(rest)
            for line in lines:
                self._put_line(line)

    def exit_status_received(self, status: int) -> None:
        """The command ended by itself."""
        self._exit = f"Process exited with status {status}" if status else None

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """The command was killed."""
        number = getattr(signals, f"SIG{signal}", 0)
        reason = f". Reason was: {msg}" if msg else ""
        self._exit = f"Process exited with status {128 + number} from signal {signal}{reason}"

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed: nothing more will come."""
        self.closed.set()

    def problem(self) -> str | None:
        """Return the reason of a failure, or None."""
        if self._exit is None and self._long_line:
            return f"a line has more than {_MAX_LOGGED_LINE} bytes; pulumi-command would hang with logging on, so set logging to none"
        return self._exit

    def end_log(self) -> None:
        """End the log, including a last line without newline."""
        if self._line:
            self._put_line(self._line)
        self._lines.put_nowait(None)

    async def send_log(self, operation: Operation) -> None:
        """Send lines to the engine until `end_log`."""
        while (line := await self._lines.get()) is not None:
            await operation.log.status(line.decode(errors="replace"))

    def _put_line(self, line: bytearray) -> None:
        self._long_line = self._long_line or len(line) >= _MAX_LOGGED_LINE
        self._lines.put_nowait(bytes(line).removesuffix(b"\r"))
