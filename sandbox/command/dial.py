"""Connects and logs in, with repeated attempts and through a bastion host.

Semantics from pulumi-command 1.2.1 (provider/pkg/provider/remote/connection.go) and golang.org/x/crypto 0.48 (ssh/client.go).
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncssh

from sandbox.command.errors import CommandError
from sandbox.command.inputs import Endpoint
from sandbox.command.operation import Operation

# retry.Until of pulumi's sdk/go/common/util/retry: seconds before the second attempt, factor from then on, and upper limit.
_DELAY, _BACKOFF, _MAX_DELAY = 0.1, 1.5, 5.0

# What Go's net.Dialer sets on each connection (net.KeepAliveConfig): a host that vanishes is noticed after two and a half minutes.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 15, socket.TCP_KEEPCNT: 9}

_Dial = Callable[[], Awaitable[asyncssh.SSHClientConnection]]


@asynccontextmanager
async def connect(
    endpoint: Endpoint, proxy: Endpoint | None, operation: Operation
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Connect and log in to the endpoint, through the proxy if one is set.

    Raises CommandError after more failed attempts than the endpoint's limit. A refused login or a wrong host key counts as a failed
    attempt.
    """
    async with AsyncExitStack() as connections:
        options = await _options(endpoint, connections)
        if proxy is None:
            client = await _retry("Dial", endpoint, operation, lambda: _dial(endpoint, options))
            yield await connections.enter_async_context(client)
            return
        try:
            proxy_options = await _options(proxy, connections)
            tunnel = await _retry("Dial proxy", proxy, operation, lambda: _dial(proxy, proxy_options))
            await connections.enter_async_context(tunnel)
            dial = lambda: _dial_through(tunnel, endpoint, options)  # noqa: E731
            client = await _retry("Dial from proxy", endpoint, operation, dial)
        except CommandError as error:
            raise CommandError(f"proxy: {error}") from None
        yield await connections.enter_async_context(client)


async def _retry(what: str, endpoint: Endpoint, operation: Operation, dial: _Dial) -> asyncssh.SSHClientConnection:
    delay, failures, limit = _DELAY, 0, endpoint.dial_error_limit
    while True:
        try:
            return await dial()
        except (OSError, asyncssh.Error) as error:
            # With a limit of 10, the eleventh failure is the last.
            if limit > -1 and failures >= limit:
                raise CommandError(f"after {failures} failed attempts: {_reason(error, endpoint)}") from None
        failures += 1
        await operation.log.status(f"{what} {failures}/{'inf' if limit == -1 else limit} failed: retrying")
        await operation.pause(delay)
        delay = min(delay * _BACKOFF, _MAX_DELAY)


async def _dial(endpoint: Endpoint, options: dict[str, Any]) -> asyncssh.SSHClientConnection:
    # The limit per attempt applies to the TCP connection only (ssh.Dial passes it to net.DialTimeout).
    connected = await asyncio.to_thread(
        socket.create_connection, (endpoint.host, endpoint.port), endpoint.per_dial_timeout or None
    )
    for option, value in _KEEPALIVE.items():
        connected.setsockopt(socket.IPPROTO_TCP, option, value)
    connected.setblocking(False)
    return await asyncssh.connect(endpoint.host, endpoint.port, sock=connected, **options)


async def _dial_through(
    tunnel: asyncssh.SSHClientConnection, endpoint: Endpoint, options: dict[str, Any]
) -> asyncssh.SSHClientConnection:
    try:
        return await asyncssh.connect(endpoint.host, endpoint.port, tunnel=tunnel, **options)
    except asyncssh.ChannelOpenError:
        raise
    except (OSError, asyncssh.Error) as error:
        # pulumi-command repeats a failed handshake on the broken connection, which never works.
        raise CommandError(str(_reason(error, endpoint))) from None


async def _options(endpoint: Endpoint, connections: AsyncExitStack) -> dict[str, Any]:
    """Return asyncssh's options for the endpoint, without the user's SSH configuration."""
    host_key = _host_key(endpoint)
    return {
        "config": None,
        "username": endpoint.user,
        "known_hosts": None if host_key is None else ([host_key], [], []),
        # pulumi-command offers only the type of the pinned key. For an RSA key that is ssh-rsa with SHA-1, which OpenSSH refuses since
        # 8.8, so such a pin fails with pulumi-command and has to fail here.
        **({} if host_key is None else {"server_host_key_algs": [host_key.get_algorithm()]}),
        "client_keys": await _client_keys(endpoint, connections),
        "agent_path": None,
        "password": endpoint.password,
        "client_factory": lambda: _Client(endpoint.password),
        "preferred_auth": ["publickey", "password", "keyboard-interactive"],
        "gss_auth": False,
        "gss_kex": False,
        "compression_algs": None,
    }


def _host_key(endpoint: Endpoint) -> asyncssh.SSHKey | None:
    if endpoint.host_key is None:
        return None
    try:
        return asyncssh.import_public_key(endpoint.host_key)
    except asyncssh.KeyImportError as error:
        raise CommandError(f"failed to parse host key: {error}") from None


async def _client_keys(endpoint: Endpoint, connections: AsyncExitStack) -> list[Any] | None:
    """Return the keys for the login. A configured agent, also one in SSH_AUTH_SOCK, must answer even if a key is given.

    With both, only the key is tried: golang.org/x/crypto/ssh uses the first of several public key methods.
    """
    keys: list[Any] = []
    path = endpoint.agent_socket_path
    if path is None:
        path = os.environ.get("SSH_AUTH_SOCK") or None
    if path is not None:
        try:
            agent = await connections.enter_async_context(asyncssh.connect_agent(path))
            keys = list(await agent.get_keys())
        except (OSError, ValueError) as error:
            raise CommandError(f"SSH agent at {path}: {error}") from None
    if endpoint.private_key is None:
        return keys or None
    passphrase = endpoint.private_key_password
    try:
        if passphrase is not None and _opens_without_password(endpoint.private_key):
            raise CommandError("privateKeyPassword is set, but the private key is not encrypted")
        return [asyncssh.import_private_key(endpoint.private_key, passphrase)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise CommandError(f"the private key is not usable: {error}") from None


def _opens_without_password(private_key: str) -> bool:
    try:
        asyncssh.import_private_key(private_key)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        return False
    return True


def _reason(error: Exception, endpoint: Endpoint) -> str:
    where = f"{endpoint.host}:{endpoint.port}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return f"ssh: handshake failed: host key mismatch: {where} does not present the key given as hostKey"
    if isinstance(error, asyncssh.PermissionDenied):
        return f"ssh: handshake failed: unable to authenticate as {endpoint.user} at {where}: {error.reason}"
    if isinstance(error, asyncssh.DisconnectError):
        return f"ssh: handshake failed: {where}: {error.reason}"
    return f"dial tcp {where}: {error or type(error).__name__}"


class _Client(asyncssh.SSHClient):
    """Answers all prompts of a keyboard-interactive login with the password, like pulumi-command."""

    def __init__(self, password: str | None) -> None:
        self._password = password
        self._tried = False

    def kbdint_auth_requested(self) -> str | None:
        """Return the submethods ("": the server's choice), or None to stop. asyncssh asks again after each refusal."""
        if self._password is None or self._tried:
            return None
        self._tried = True
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Return the answers to the prompts."""
        return None if self._password is None else [self._password] * len(prompts)
