"""The emulated Oracle Cloud as a plugin that hangs in the steps of `hold.json` beside the cloud, until it is killed.

hold.json: {"<resource>": ["create" or "update" or "delete", "before" or "after"]}: before the cloud does it, or when it has done it and the
engine does not know yet. A step that is stuck leaves a file `held-<resource>` with the plugin's process id.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable
from typing import TypeVar

from pulumi.provider.experimental import provider as api

from sandbox import paths
from sandbox.oci import catalogue, server
from sandbox.oci.provider import OciProvider

T = TypeVar("T")


class Held(OciProvider):
    """The emulated provider, with a way to stop it."""

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        if request.preview:
            return await super().create(request)
        return await self._held("create", request.urn, super().create(request))

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        if request.preview:
            return await super().update(request)
        return await self._held("update", request.urn, super().update(request))

    async def delete(self, request: api.DeleteRequest) -> None:
        return await self._held("delete", request.urn, super().delete(request))

    async def _held(self, operation: str, urn: str, work: Awaitable[T]) -> T:
        name, file = urn.rsplit("::", 1)[1], paths.HOME / "hold.json"
        held, when = json.loads(file.read_text()).get(name, ("", "")) if file.exists() else ("", "")
        if held == operation and when == "before":
            await _stuck(name)
        result = await work
        if held == operation:
            await _stuck(name)
        return result


async def _stuck(name: str) -> None:
    (paths.HOME / f"held-{name}").write_text(str(os.getpid()))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(server._serve(Held(catalogue.cloud()), sys.argv[1:]))
