"""An SSH server that runs scripts and a Pulumi project, for the tests of the emulated command provider."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from tests.support.plugin_project import environment, lay_out

PROGRAM = """\
import json
from pathlib import Path

import pulumi
import pulumi_command as command


def revealed(value):
    if isinstance(value, dict) and set(value) == {"secret"}:
        return pulumi.Output.secret(value["secret"])
    return {k: revealed(v) for k, v in value.items()} if isinstance(value, dict) else value


for name, inputs in json.loads(Path("commands.json").read_text()).items():
    done = command.remote.Command(name, **{k: revealed(v) for k, v in inputs.items()})
    pulumi.export(name, done.stdout)
"""


@dataclass
class Machine:
    """An SSH server on the loopback interface that runs commands with bash on this host, in its own folder."""

    home: Path
    accept_env: tuple[str, ...] = ()
    password: str | None = None
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ecdsa-sha2-nistp256"))
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    connections: int = 0
    commands: list[str] = field(default_factory=list)

    @property
    def host_key_line(self) -> str:
        """The host key as a line of authorized_keys."""
        return self.host_key.export_public_key().decode().strip()

    @property
    def private_key(self) -> str:
        """The accepted private key."""
        return self.client_key.export_private_key().decode()

    def connection(self, **changes: Any) -> dict[str, Any]:
        """Return the connection inputs of this machine; None removes an input."""
        known = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "opc",
            "private_key": self.private_key,
            "host_key": self.host_key_line,
            "dial_error_limit": 1,
        }
        return {name: value for name, value in {**known, **changes}.items() if value is not None}

    def read(self, name: str) -> str:
        """Return the content of a file of the machine."""
        return (self.home / name).read_text()

    async def listen(self) -> asyncssh.SSHAcceptor:
        """Start the server, on a free port unless one is set."""
        server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_host_keys=[self.host_key],
            server_factory=lambda: _Server(self),
            authorized_client_keys=asyncssh.import_authorized_keys(self.client_key.export_public_key().decode()),
            config=None,
        )
        self.port = server.get_port()
        return server


@contextlib.contextmanager
def running(machine: Machine) -> Iterator[Machine]:
    """Run the machine in its own thread for the duration of the context."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(machine.listen(), loop).result(10)
    try:
        yield machine
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(server.wait_closed(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


class _Server(asyncssh.SSHServer):
    """Accepts the client key and the password, and runs commands."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._machine.connections += 1
        self._connection = conn

    def password_auth_supported(self) -> bool:
        return self._machine.password is not None

    def validate_password(self, username: str, password: str) -> bool:
        return password == self._machine.password

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], asyncssh.SSHServerSession[bytes]]:
        channel = self._connection.create_server_channel(encoding=None)
        _restrict_environment(channel, self._machine.accept_env)
        return channel, asyncssh.SSHServerProcess(self._run, None, 3, False)

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        script = process.command or ""
        self._machine.commands.append(script)
        environment = {k.decode(): v.decode() for k, v in process.channel.get_environment_bytes().items()}
        bash = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            cwd=self._machine.home,
            env={"PATH": os.environ["PATH"], **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        feeding = asyncio.create_task(_feed(process, bash.stdin))
        await asyncio.gather(_pass(bash.stdout, process.stdout), _pass(bash.stderr, process.stderr))
        status = await bash.wait()
        feeding.cancel()
        if status < 0:
            process.exit_with_signal("KILL")
        else:
            process.exit(status)


async def _feed(process: asyncssh.SSHServerProcess[bytes], stdin: Any) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while data := await process.stdin.read(65536):
            stdin.write(data)
            await stdin.drain()
        stdin.close()


async def _pass(source: Any, target: asyncssh.SSHWriter[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


def _restrict_environment(channel: Any, accepted: tuple[str, ...]) -> None:
    """Refuse other variables, like AcceptEnv of sshd."""
    accept: Callable[[Any], bool] = channel._process_env_request

    def process(packet: Any) -> bool:
        known = set(channel._env)
        accept(packet)
        for name in set(channel._env) - known:
            if name.decode() not in accepted:
                del channel._env[name]
                return False
        return True

    channel._process_env_request = process


@dataclass
class Project:
    """A stack of remote commands with its own backend and plugin folder."""

    folder: Path

    def write(self, **commands: dict[str, Any]) -> None:
        """Set the commands of the stack; {"secret": x} is a secret value."""
        (self.folder / "commands.json").write_text(json.dumps(commands))

    def pulumi(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the CLI on the stack; output and errors are in `stdout`."""
        done = subprocess.run(
            ["pulumi", *args],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def up(self, check: bool = True) -> str:
        """Run `up` and return its output."""
        return self.pulumi("up", "--yes", "--skip-preview", "--non-interactive", check=check).stdout

    def planned(self) -> dict[str, str]:
        """Return the planned operation of each command."""
        plan = json.loads(self.pulumi("preview", "--json").stdout)
        return {
            step["urn"].rsplit("::", 1)[1]: step["op"]
            for step in plan["steps"]
            if "::command:remote:Command::" in step["urn"]
        }

    def state(self, name: str) -> dict[str, Any]:
        """Return a command of the state, with encrypted secrets."""
        deployment = json.loads(self.pulumi("stack", "export").stdout)["deployment"]
        return next(r for r in deployment["resources"] if r["urn"].endswith(f"::command:remote:Command::{name}"))


def new_project(folder: Path) -> Project:
    """Create a project with an empty stack."""
    lay_out(folder, "commands", "command", "1.2.1", "sandbox.command")
    (folder / "__main__.py").write_text(textwrap.dedent(PROGRAM))
    project = Project(folder)
    project.write()
    project.pulumi("stack", "init", "test")
    return project
