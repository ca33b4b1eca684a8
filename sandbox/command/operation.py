"""The context of one request of the engine: its log, time limit and cancellation."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Protocol

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from sandbox.command.errors import CommandError


class Log(Protocol):
    """Shows messages while a command runs."""

    async def status(self, message: str) -> None:
        """Show a line beside the resource, without keeping it in the diagnostics."""

    async def warning(self, message: str) -> None:
        """Add a line to the resource's diagnostics."""

    async def error(self, message: str) -> None:
        """Add an error to the resource's diagnostics."""


class EngineLog:
    """The log of one resource in the engine, over the engine's own RPC (pulumi's engine.proto)."""

    def __init__(self, engine: engine_pb2_grpc.EngineStub, urn: str) -> None:
        self._engine = engine
        self._urn = urn

    async def status(self, message: str) -> None:
        """Show a line like InfoStatus of pulumi-go-provider, which pulumi-command uses for output and failed dials."""
        await self._send(engine_pb2.INFO, message, ephemeral=True)

    async def warning(self, message: str) -> None:
        """Add a warning."""
        await self._send(engine_pb2.WARNING, message)

    async def error(self, message: str) -> None:
        """Add an error."""
        await self._send(engine_pb2.ERROR, message)

    async def _send(self, severity: engine_pb2.LogSeverity.ValueType, message: str, ephemeral: bool = False) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=self._urn, ephemeral=ephemeral)
        # A lost log line must not lose the result of the command.
        with contextlib.suppress(grpc.RpcError):
            await self._engine.Log(request)


@dataclass
class Operation:
    """One create, update or delete.

    As in pulumi-command, the time limit (`custom_timeouts`) and a cancellation only end dialling; a running command is waited for
    (pulumi-go-provider 1.3.0 middleware/cancel; retry.Until of pulumi's sdk/go).
    """

    log: Log
    cancelled: asyncio.Event
    deadline: float | None = None
    """In seconds of the event loop's clock; None: no limit."""

    async def pause(self, seconds: float) -> None:
        """Wait. Raises CommandError if the operation has to end before that."""
        remaining = None if self.deadline is None else self.deadline - asyncio.get_running_loop().time()
        try:
            await asyncio.wait_for(self.cancelled.wait(), seconds if remaining is None else min(seconds, remaining))
        except asyncio.TimeoutError:
            if remaining is not None and remaining <= seconds:
                raise CommandError(
                    "context deadline exceeded: the resource's custom timeout ended before the host answered"
                ) from None
        else:
            raise CommandError("context canceled: the engine was asked to stop")
