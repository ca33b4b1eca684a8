"""What surrounds one request of the engine: the cluster, how to treat conflicts, where messages go, when to end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from sandbox.kubernetes_provider.cluster import Cluster
from sandbox.kubernetes_provider.errors import ProviderError


class Log(Protocol):
    """Takes what a person should see."""

    def status(self, message: str) -> None:
        """A line that passes by, beside the resource."""

    def info(self, message: str) -> None:
        """A line that stays among the resource's diagnostics."""

    def warning(self, message: str) -> None:
        """As `info`, as a warning."""


class EngineLog:
    """The log of one resource in the engine, over the engine's own RPC (pulumi's engine.proto). The same status is sent once."""

    def __init__(self, engine: engine_pb2_grpc.EngineStub, urn: str) -> None:
        self._engine, self._urn, self._last = engine, urn, ""

    def status(self, message: str) -> None:
        """As LogStatus of the official plugin; "" clears the line."""
        if message != self._last:
            self._last = message
            self._send(engine_pb2.INFO, message, ephemeral=True)

    def info(self, message: str) -> None:
        """Kept."""
        self._send(engine_pb2.INFO, message)

    def warning(self, message: str) -> None:
        """Kept, as a warning."""
        self._send(engine_pb2.WARNING, message)

    def _send(self, severity: engine_pb2.LogSeverity.ValueType, message: str, ephemeral: bool = False) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=self._urn, ephemeral=ephemeral)
        try:
            self._engine.Log(request)
        except grpc.RpcError:
            return  # a line that does not arrive is no reason to lose what was done


class CancelledError(ProviderError):
    """The engine was asked to stop."""


@dataclass
class Operation:
    """One create, update, read or delete."""

    cluster: Cluster
    log: Log
    cancelled: threading.Event
    patch_force: bool = False
    upsert: bool = False
    preview: bool = False
    deadline: float = field(default=0.0)
    """In seconds of the monotonic clock; set when the waiting begins."""

    def begin_wait(self, seconds: float) -> None:
        """From now on there are so many seconds."""
        self.deadline = time.monotonic() + seconds

    @property
    def timed_out(self) -> bool:
        """Whether they are over."""
        return time.monotonic() >= self.deadline

    def pause(self, seconds: float) -> None:
        """Waits, no longer than there is time. Raises CancelledError."""
        if self.cancelled.wait(max(0.0, min(seconds, self.deadline - time.monotonic()))):
            raise CancelledError("the engine was asked to stop")

    def pause_before_retry(self, seconds: float) -> None:
        """Waits before something is tried again, whatever time there is. Raises CancelledError."""
        if self.cancelled.wait(seconds):
            raise CancelledError("the engine was asked to stop")
