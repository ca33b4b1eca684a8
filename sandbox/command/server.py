"""Serves the provider to the engine, with readable errors.

pulumi's servicer (pulumi.provider.experimental.server) adds a Python stack trace to every error and gives a provider no access to the
engine's log. Its other parts are used unchanged.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc

from sandbox.command.errors import CommandError
from sandbox.command.operation import EngineLog
from sandbox.command.provider import VERSION, CommandProvider
from sandbox.plugin_end import ended


class CommandServicer(ProviderServicer):
    """Answers the engine's requests, with only the message of a CommandError."""

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return await self._answer(super().Check, request, context)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return await self._answer(super().Diff, request, context)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return await self._answer(super().Create, request, context)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return await self._answer(super().Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return await self._answer(super().Delete, request, context)

    async def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return await self._answer(super().Invoke, request, context)

    async def _answer(self, method: Any, request: Any, context: Any) -> Any:
        try:
            return await method(request, context)
        except Exception as error:
            # pulumi's servicer wraps the raised error, which is the context of this one.
            if isinstance(error.__context__, CommandError):
                await _abort(context, str(error.__context__))
            raise


async def _abort(context: Any, message: str) -> NoReturn:
    # The code for a plain error of a provider in Go.
    await context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort raises")


def serve(args: list[str], kind: type[CommandProvider] = CommandProvider) -> None:
    """Serve until the engine ends. Print the port on the loopback interface first (the plugin protocol)."""
    parser = argparse.ArgumentParser(prog="pulumi-resource-command", description="An emulation of pulumi-command.")
    parser.add_argument("engine", help="address of the engine's RPC")
    engine_address = parser.parse_known_args(args)[0].engine
    # asyncssh logs scripts to standard error, which the engine shows.
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
    with contextlib.suppress(KeyboardInterrupt):  # while it starts
        asyncio.run(_serve(engine_address, kind))


async def _serve(engine_address: str, kind: type[CommandProvider]) -> None:
    async with grpc.aio.insecure_channel(engine_address, options=_GRPC_CHANNEL_OPTIONS) as channel:
        engine = engine_pb2_grpc.EngineStub(channel)
        provider = kind(lambda urn: EngineLog(engine, urn))
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        servicer = CommandServicer([], VERSION, provider, engine_address)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        engine_process = os.getppid()
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await ended(engine_process)
        await server.stop(None)
