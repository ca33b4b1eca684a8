"""Requests to the emulated command provider, and an SSH server in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.command.provider import CommandProvider
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
