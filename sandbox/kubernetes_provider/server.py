"""Serves the provider to the engine: the protocol of pulumi's provider.proto.

Not on `pulumi.provider.experimental`, as the other emulated providers: that knows no resource which exists and failed to initialise
(ErrorResourceInitFailed), no names proposed by the engine, and puts a stack trace into every error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.kubernetes_provider import names, sdk, wire
from sandbox.kubernetes_provider.errors import PartialError, ProviderError, UnsupportedError
from sandbox.kubernetes_provider.operation import EngineLog
from sandbox.kubernetes_provider.provider import KubernetesProvider
from sandbox.kubernetes_provider.wire import Properties
from sandbox.plugin_end import ended

# Most of them wait for something in the cluster; the engine has no more than 16 operations a processor under way.
_THREADS = 256
_KINDS = {
    ("ADD", False): provider_pb2.PropertyDiff.ADD,
    ("ADD", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("DELETE", False): provider_pb2.PropertyDiff.DELETE,
    ("DELETE", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("UPDATE", False): provider_pb2.PropertyDiff.UPDATE,
    ("UPDATE", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's requests, answered by the provider, or with the message of its error alone."""

    def __init__(self, provider: KubernetesProvider) -> None:
        self._provider = provider

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        return proto.PluginInfo(version=sdk.version())

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        self._provider.cancel()
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        with _told(context, _unmarshal(request.news)):
            failures = self._provider.check_config(request.urn, _unmarshal(request.news))
            told = [provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in failures]
            return provider_pb2.CheckResponse(inputs=request.news, failures=told)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        with _told(context, _unmarshal(request.news)):
            diff = self._provider.diff_config(_unmarshal(request.olds), _unmarshal(request.news))
            changes = provider_pb2.DiffResponse.DIFF_SOME if diff.diffs else provider_pb2.DiffResponse.DIFF_NONE
            return provider_pb2.DiffResponse(changes=changes, diffs=diff.diffs, replaces=diff.replaces)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        with _told(context):
            self._provider.configure(dict(request.variables))
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
            )

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        with _told(context):
            raise UnsupportedError(f"the function {request.tok}")

    def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        with _told(context):
            raise UnsupportedError(f"the component {request.type}")

    def Call(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        with _told(context):
            raise UnsupportedError(f"the method {request.tok}")

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        news = _unmarshal(request.news)
        with _told(context, news):
            autonaming = None
            if request.HasField("autonaming"):
                disabled = request.autonaming.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE
                autonaming = names.Autonaming(request.autonaming.proposed_name, disabled)
            inputs, failures = self._provider.check(
                request.urn, _unmarshal(request.olds), news, request.randomSeed, autonaming
            )
            # For a failure of a property the engine prints its value too, secret or not: the path is in the reason alone.
            told = [provider_pb2.CheckFailure(property="", reason=reason) for reason in failures]
            return provider_pb2.CheckResponse(inputs=PropertyValue.marshal_map(inputs), failures=told)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        news = _unmarshal(request.news)
        with _told(context, news):
            diff = self._provider.diff(request.urn, _unmarshal(request.olds), news, list(request.ignoreChanges))
            detailed = {
                change.place: provider_pb2.PropertyDiff(
                    kind=_KINDS[change.what, change.replaces], inputDiff=change.input_diff
                )
                for change in diff.changes
            }
            return provider_pb2.DiffResponse(
                changes=provider_pb2.DiffResponse.DIFF_SOME if diff.changes else provider_pb2.DiffResponse.DIFF_NONE,
                replaces=[change.place for change in diff.changes if change.replaces],
                deleteBeforeReplace=diff.delete_before_replace,
                detailedDiff=detailed,
                hasDetailedDiff=True,
            )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        news = _unmarshal(request.properties)
        with _told(context, news):
            resource_id, state = self._provider.create(request.urn, news, request.timeout, request.preview)
            return provider_pb2.CreateResponse(id=resource_id, properties=PropertyValue.marshal_map(state))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        state = _unmarshal(request.properties)
        with _told(context, state):
            found = self._provider.read(request.urn, request.id, state, _unmarshal(request.inputs))
            if found is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(
                id=found.id,
                properties=PropertyValue.marshal_map(found.state),
                inputs=PropertyValue.marshal_map(found.inputs),
            )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        olds, news = _unmarshal(request.olds), _unmarshal(request.news)
        with _told(context, olds, news):
            state = self._provider.update(
                request.urn, olds, news, request.timeout, request.preview, list(request.ignoreChanges)
            )
            return provider_pb2.UpdateResponse(properties=PropertyValue.marshal_map(state))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802, D102
        state = _unmarshal(request.properties)
        with _told(context, state):
            self._provider.delete(request.urn, request.id, state, request.timeout)
            return empty_pb2.Empty()


def _unmarshal(struct: Any) -> Properties:
    return PropertyValue.unmarshal_map(struct)


@contextlib.contextmanager
def _told(context: Any, *properties: Properties) -> Any:
    """Errors as the engine tells them. An API server may quote what it refuses: secrets of the properties are taken out."""
    hide = _hider([text for one in properties for text in wire.secret_texts(one)])
    try:
        yield
    except PartialError as error:
        detail = provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id,
            properties=PropertyValue.marshal_map(error.state),
            reasons=[hide(reason) for reason in error.reasons],
            inputs=None if error.inputs is None else PropertyValue.marshal_map(error.inputs),
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=hide(str(error)))
        status.details.add().Pack(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, hide(str(error)))
    except ProviderError as error:
        # UNKNOWN is what the engine gets from a provider in Go that returns a plain error.
        context.abort(grpc.StatusCode.UNKNOWN, hide(str(error)))


def _hider(texts: Sequence[str]) -> Callable[[str], str]:
    # Shorter ones are in every other word, and are no secrets.
    long_first = sorted({text for text in texts if len(text) > 3}, key=len, reverse=True)

    def hide(message: str) -> str:
        for text in long_first:
            message = message.replace(text, "[secret]")
        return message

    return hide


def serve(args: list[str], kind: type[KubernetesProvider] = KubernetesProvider) -> None:
    """Serves until the engine ends it, on a port of the loopback interface which it prints first (the plugin protocol)."""
    parser = argparse.ArgumentParser(
        prog="pulumi-resource-kubernetes", description="An emulation of pulumi-kubernetes."
    )
    parser.add_argument("engine", help="address of the engine's RPC")
    engine_address = parser.parse_known_args(args)[0].engine
    with contextlib.suppress(KeyboardInterrupt):  # while it starts
        _serve(engine_address, kind)


def _serve(engine_address: str, kind: type[KubernetesProvider]) -> None:
    with grpc.insecure_channel(engine_address, options=_GRPC_CHANNEL_OPTIONS) as channel:
        engine = engine_pb2_grpc.EngineStub(channel)
        provider = kind(lambda urn: EngineLog(engine, urn))
        server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=_GRPC_CHANNEL_OPTIONS)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server)
        port = server.add_insecure_port("127.0.0.1:0")
        engine_process = os.getppid()
        server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        try:
            asyncio.run(ended(engine_process))
        finally:
            provider.cancel()
            server.stop(None)
