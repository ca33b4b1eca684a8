"""Serves the provider. As pulumi.provider.experimental.server.main does, with two differences.

What the cloud refuses reaches the user as the cloud words it, without a Python stack trace; and the process ends when the engine is
gone, also where the engine had no time to end it, though not before the work under way is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.oci import catalogue, sdk
from sandbox.oci.cloud import Cloud
from sandbox.oci.errors import FailedError, ServiceError, UnsupportedError
from sandbox.oci.provider import OciProvider
from sandbox.oci.wire import Properties, wire
from sandbox.plugin_end import ended
from sandbox.process import SandboxError

_METHODS = ("CheckConfig", "Configure", "Invoke", "Check", "Diff", "Create", "Read", "Update", "Delete")


class _Servicer(ProviderServicer):
    """The SDK's server, which turns every error into one with a stack trace, with errors for people put back."""

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        return _worded(method) if name in _METHODS else method


def _worded(method: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await method(request, context)
        except Exception as error:
            cause = error.__context__ or error
            if isinstance(cause, FailedError):
                context.set_trailing_metadata(_init_failed(cause.id, cause.outputs, str(cause)))
                await context.abort(grpc.StatusCode.UNKNOWN, str(cause))
            if isinstance(cause, ServiceError | UnsupportedError | SandboxError):
                await context.abort(grpc.StatusCode.UNKNOWN, str(cause))
            raise

    return call


def _init_failed(id: str, outputs: Properties, reason: str) -> tuple[tuple[str, bytes]]:
    """The metadata of an error after which the engine keeps the resource, with the error (ErrorResourceInitFailed)."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=id, properties=PropertyValue.marshal_map(wire(outputs)), reasons=[reason]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
    status.details.add().Pack(detail)
    return (("grpc-status-details-bin", status.SerializeToString()),)


async def _serve(provider: OciProvider, arguments: list[str]) -> None:
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = _Servicer(arguments, sdk.version(), provider, engine_address=arguments[0])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    engine = os.getppid()
    await server.start()
    print(port, flush=True)
    await ended(engine, lambda: provider.under_way > 0)
    await server.stop(None)


def main(arguments: list[str], cloud: Cloud | None = None) -> None:
    """Serve until the engine ends the process. arguments: the engine's address first; cloud: the sandbox's own unless given."""
    if not arguments:
        sys.exit("this is a Pulumi provider: the engine starts it")
    with contextlib.suppress(KeyboardInterrupt):  # while it starts
        asyncio.run(_serve(OciProvider(cloud or catalogue.cloud()), arguments))
