"""`python providers.py oci|command|kubernetes <engine address>`: the emulated providers, creating nothing."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Sequence

from sandbox.dry_run.host import FakeHost


def _oci(arguments: list[str]) -> None:
    from sandbox import paths
    from sandbox.oci.catalogue import KINDS
    from sandbox.oci.cloud import Cloud
    from sandbox.oci.server import main

    main(arguments, Cloud(paths.CLOUD, FakeHost(), KINDS))


def _command(arguments: list[str]) -> None:
    from pulumi.provider.experimental.property_value import PropertyValue

    from sandbox.command import inputs
    from sandbox.command.provider import CommandProvider
    from sandbox.command.server import serve
    from sandbox.command.values import Properties

    class FakeCommands(CommandProvider):
        """Every script succeeds and prints nothing."""

        async def _run(self, script: str | None, command: inputs.Command, urn: str, timeout: float) -> Properties:
            return {"stdout": PropertyValue(""), "stderr": PropertyValue("")}

    serve(arguments, FakeCommands)


def _kubernetes(arguments: list[str]) -> None:
    from sandbox.kubernetes_provider import names, wire
    from sandbox.kubernetes_provider.objects import fq_name
    from sandbox.kubernetes_provider.provider import Found, KubernetesProvider
    from sandbox.kubernetes_provider.resource_types import kind_of
    from sandbox.kubernetes_provider.server import serve
    from sandbox.kubernetes_provider.wire import Properties

    class FakeKubernetes(KubernetesProvider):
        """Every object equals its inputs and is ready immediately."""

        def create(self, urn: str, news: Properties, timeout: float, preview: bool) -> tuple[str, Properties]:
            """Return the object with a uid, and with an address for a Service."""
            if preview:
                return super().create(urn, news, timeout, preview)
            inputs = wire.to_object(news)
            made = {**inputs, "metadata": {**inputs["metadata"], "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, urn))}}
            if kind_of(urn).kind == "Service":
                made["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.20"}]}}
            manager = names.field_manager(None, inputs)
            return fq_name(made), wire.checkpoint(inputs, made, news, inputs["apiVersion"], manager)

        def update(
            self, urn: str, olds: Properties, news: Properties, timeout: float, preview: bool, ignored: Sequence[str]
        ) -> Properties:
            """Return the object as its inputs describe it."""
            if preview:
                return super().update(urn, olds, news, timeout, preview, ignored)
            return self.create(urn, news, timeout, preview)[1]

        def read(self, urn: str, resource_id: str, state: Properties, inputs: Properties) -> Found | None:
            """Return the object from the state."""
            return Found(resource_id, state, inputs)

        def delete(self, urn: str, resource_id: str, state: Properties, timeout: float) -> None:
            """Do nothing."""

    serve(arguments, FakeKubernetes)


SERVED: dict[str, Callable[[list[str]], None]] = {"oci": _oci, "command": _command, "kubernetes": _kubernetes}

if __name__ == "__main__":
    SERVED[sys.argv[1]](sys.argv[2:])
