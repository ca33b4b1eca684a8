"""`python builds.py <plugin> <engine address>`: a proxy of the docker-build plugin that builds nothing.

It answers `Create`, `Update`, `Read` and `Delete` itself and passes on everything else. Outputs of a build are made up: digest and
reference depend on the inputs, so equal inputs give equal images. A hash of the build context shows changed files (`Diff`).
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.rpc import UNKNOWN

HASH = "contextHash"


def context_hash(context: Path) -> str:
    """Return a hash of the build context: paths, modes and contents.

    The plugin computes its own hash during a build only (pulumi-docker-build 0.0.22, context.go). Both change together.
    """
    digest = hashlib.sha256((context / "Dockerfile").read_bytes())
    for file in sorted(context.rglob("*")):
        path = file.relative_to(context)
        if file.is_file():
            digest.update(f"{path.as_posix()} {file.stat().st_mode & 0o777:o} {file.stat().st_size}\n".encode())
            digest.update(file.read_bytes())
    return f"dry-run:{digest.hexdigest()}"


class Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes on the methods of the plugin behind `channel` as bytes, and answers some itself."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._own: dict[str, Callable[[str, bytes], bytes]] = {
            "Create": self._create,
            "Update": self._update,
            "Diff": self._diff,
            "Read": self._read,
            "Delete": self._delete,
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Return the handler of the called method."""
        method = handler_call_details.method
        answer = self._own.get(method.rpartition("/")[2], self._ask)

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return answer(method, request)
            except grpc.RpcError as error:
                context.set_trailing_metadata(error.trailing_metadata() or ())
                context.abort(error.code(), error.details())
                raise

        return grpc.unary_unary_rpc_method_handler(handle)

    def _ask(self, method: str, request: bytes) -> bytes:
        return bytes(self._channel.unary_unary(method)(request))

    def _create(self, method: str, request: bytes) -> bytes:
        wanted = provider_pb2.CreateRequest.FromString(request)
        return self._planned(method, wanted, provider_pb2.CreateResponse, wanted.properties)

    def _update(self, method: str, request: bytes) -> bytes:
        wanted = provider_pb2.UpdateRequest.FromString(request)
        return self._planned(method, wanted, provider_pb2.UpdateResponse, wanted.news)

    def _planned(self, method: str, wanted: Any, response: Any, inputs: struct_pb2.Struct) -> bytes:
        """Answer with the plugin's preview, with made-up values for unknown outputs unless this is a preview itself."""
        is_preview, wanted.preview = wanted.preview, True
        planned = response.FromString(self._ask(method, wanted.SerializeToString()))
        if not is_preview:
            _make_up(planned.properties, inputs)
            if response is provider_pb2.CreateResponse:
                planned.id = wanted.urn.rpartition("::")[2]
        return bytes(planned.SerializeToString())

    def _read(self, method: str, request: bytes) -> bytes:
        known = provider_pb2.ReadRequest.FromString(request)
        answer = provider_pb2.ReadResponse(id=known.id, properties=known.properties, inputs=known.inputs)
        return bytes(answer.SerializeToString())

    def _delete(self, method: str, request: bytes) -> bytes:
        return b""

    def _diff(self, method: str, request: bytes) -> bytes:
        answer = self._ask(method, request)
        asked, diff = provider_pb2.DiffRequest.FromString(request), provider_pb2.DiffResponse.FromString(answer)
        context = _context(asked.news)
        # A refresh compares before the program has written the context.
        there = context is not None and (context / "Dockerfile").exists()
        if not context or (there and asked.olds.fields[HASH].string_value != context_hash(context)):
            return answer
        diff.detailedDiff.pop(HASH, None)
        diff.diffs[:] = [name for name in diff.diffs if name != HASH]
        if not diff.diffs and not diff.detailedDiff:
            diff.changes = provider_pb2.DiffResponse.DIFF_NONE
        return bytes(diff.SerializeToString())


def _make_up(planned: struct_pb2.Struct, inputs: struct_pb2.Struct) -> None:
    made_up = _made_up(inputs)
    for name, value in planned.fields.items():
        if value.string_value == UNKNOWN:
            value.string_value = made_up[name]


def _made_up(properties: struct_pb2.Struct) -> dict[str, str]:
    context = _context(properties)
    known = context_hash(context) if context else ""
    inputs = properties.SerializeToString(deterministic=True) + known.encode()
    digest = f"sha256:{hashlib.sha256(inputs).hexdigest()}"
    fields: Any = properties.fields
    # The first tag of an image; an index has one tag.
    tag = fields["tags"].list_value.values[0].string_value if "tags" in fields else fields["tag"].string_value
    return {"digest": digest, "ref": f"{tag}@{digest}", HASH: known}


def _context(properties: struct_pb2.Struct) -> Path | None:
    """Return the folder of the build context; an index has none."""
    fields = properties.fields
    return Path(fields["context"].struct_value.fields["location"].string_value) if "context" in fields else None


def main(arguments: list[str]) -> None:
    """Serve until the engine ends the process."""
    plugin: subprocess.Popen[str] = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    try:
        assert plugin.stdout is not None  # noqa: S101 - it is a pipe
        port = int(plugin.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=_GRPC_CHANNEL_OPTIONS) as channel:
            server = grpc.server(futures.ThreadPoolExecutor(16), options=_GRPC_CHANNEL_OPTIONS)
            server.add_generic_rpc_handlers((Proxy(channel),))
            print(server.add_insecure_port("127.0.0.1:0"), flush=True)
            server.start()
            with contextlib.suppress(KeyboardInterrupt):
                # The plugin ends with the engine.
                plugin.wait()
            server.stop(None)
    finally:
        plugin.terminate()


if __name__ == "__main__":
    main(sys.argv[1:])
