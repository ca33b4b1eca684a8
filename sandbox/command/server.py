"""Serves the provider to the engine, with errors as a person wants to read them.

pulumi's own servicer adds a Python stack trace to every error and gives a provider no way to the engine's log; the rest of it is
used as it is (pulumi.provider.experimental.server).
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
    """The engine's requests, each answered by the provider or with the message of its CommandError alone."""

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
            # The servicer of pulumi has wrapped what was raised, which is the context of what arrives here.
            if isinstance(error.__context__, CommandError):
                await _abort(context, str(error.__context__))
            raise


async def _abort(context: Any, message: str) -> NoReturn:
    # UNKNOWN is what the engine gets from a provider in Go that returns a plain error.
    await context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort raises")


def serve(args: list[str], kind: type[CommandProvider] = CommandProvider) -> None:
    """Serves until the engine ends it, on a port of the loopback interface which it prints first (the plugin protocol)."""
    parser = argparse.ArgumentParser(prog="pulumi-resource-command", description="An emulation of pulumi-command.")
    parser.add_argument("engine", help="address of the engine's RPC")
    engine_address = parser.parse_known_args(args)[0].engine
    # asyncssh would log scripts, and an engine shows what a plugin writes to standard error.
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
