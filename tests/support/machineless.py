"""A sandbox without machines, clusters, builder and registry: the real engine and the stand-ins' own rules, with nothing behind them.

What a plan does is decided by the engine and by the providers' check and diff, and in what order by what the cloud refuses (a subnet on
another's addresses, deleting what is in use): all of that is the sandbox's own here. Made up is only what a machine, a cluster or a
build would answer. As a program (`python -m tests.support.machineless <plugin> <engine address>`) it is one of the plugins.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental import server
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox import paths, plugins
from sandbox.oci.wire import plain
from tests.support.stack import ROOT

SHARED = ("bin", "venv", "account", "registry", "docker", "stamps")
"""Folders of the sandbox which are read only here."""


HOLD = "hold"
"""While this file is in the sandbox's folder no remote command ends: an `up` that takes as long as a test wants."""


def lay_out(home: Path) -> None:
    """Make the folder of such a sandbox (SANDBOX_HOME), with a backend, a cloud and plugins of its own."""
    home.mkdir()
    for name in SHARED:
        (home / name).symlink_to(paths.HOME / name)
    for name in ("oci", "command", "kubernetes", "docker-build"):
        folder = home / "pulumi" / "plugins" / f"resource-{name}-v{plugins.version(name)}"
        folder.mkdir(parents=True)
        launcher = folder / f"pulumi-resource-{name}"
        launcher.write_text(
            f"#!/bin/sh\nSANDBOX_HOME='{home}' PYTHONPATH='{ROOT}' exec '{sys.executable}' -m tests.support.machineless {name} \"$@\"\n"
        )
        launcher.chmod(0o755)


def overlay(home: Path, stack: str) -> Path:
    """The configuration of a committed stack with the account's values, as the sandbox's `pulumi` makes it."""
    environment = {**os.environ, "SANDBOX_HOME": str(home)}
    subprocess.run(
        [ROOT / "sandbox" / "pulumi", "config", "--stack", stack],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )
    return home / "stacks" / f"Pulumi.{stack}.yaml"


# --- the plugins --------------------------------------------------------------------------------------------------------------------


def _oci(arguments: list[str]) -> None:
    from sandbox.kubernetes.specs import ClusterState, NodeState
    from sandbox.machine import MachineState
    from sandbox.oci import catalogue
    from sandbox.oci import server as oci_server
    from sandbox.oci.cloud import Cloud
    from tests.unit import oci_cloud

    class Machines(oci_cloud.Machines):
        """Each engine starts a provider of its own, which knows nothing of the machines before: they all run."""

        def inspect(self, name: str) -> MachineState | None:
            """It runs."""
            return self.running.get(name) or MachineState(True, "10.189.0.99")

        def resize(self, name: str, cpus: float, memory_gb: float) -> None:
            """Done."""

    class Clusters(oci_cloud.Clusters):
        """As the machines."""

        def inspect(self, name: str) -> ClusterState | None:
            """It runs."""
            return self.running.get(name) or ClusterState(True, "10.189.0.199")

    class Nodes(oci_cloud.Nodes):
        """As the machines."""

        def inspect(self, name: str) -> NodeState | None:
            """It runs."""
            return self.running.get(name) or NodeState(True, "10.189.0.198")

    host = oci_cloud.Host(machines=Machines(), clusters=Clusters(), nodes=Nodes())
    setattr(catalogue, "cloud", lambda: Cloud(paths.CLOUD, host, catalogue.KINDS))  # noqa: B010 - mypy takes no other for it
    oci_server.main(arguments)


def _command(arguments: list[str]) -> None:
    from sandbox.command import provider
    from sandbox.command import server as command_server

    async def run(*_: object) -> dict[str, PropertyValue]:
        while (paths.HOME / HOLD).exists():
            await asyncio.sleep(0.2)
        return {"stdout": PropertyValue(""), "stderr": PropertyValue("")}

    setattr(provider.CommandProvider, "_run", run)  # noqa: B010
    command_server.serve(arguments)


def _kubernetes(arguments: list[str]) -> None:
    from sandbox.kubernetes_provider import provider, wire
    from sandbox.kubernetes_provider import server as kubernetes_server
    from sandbox.kubernetes_provider.objects import fq_name

    class Anything(provider.KubernetesProvider):
        """A cluster that does whatever it is told, at once."""

        def configure(self, variables: dict[str, str]) -> None:
            """Looks for no cluster."""

        def create(self, urn: str, news: wire.Properties, timeout: float, preview: bool) -> tuple[str, wire.Properties]:
            """The object, with what a cluster would add."""
            made = wire.to_object(news)
            if preview:
                return "", news
            inputs = wire.to_object(news)
            made["metadata"] = {**made["metadata"], "uid": hashlib.sha256(urn.encode()).hexdigest()}
            made["status"] = {"loadBalancer": {"ingress": [{"ip": "10.0.2.7"}]}}
            return fq_name(made), wire.checkpoint(inputs, made, news, inputs["apiVersion"], "pulumi")

        def update(self, urn: str, olds: Any, news: Any, timeout: float, preview: bool, ignored: Any) -> Any:
            """The same."""
            return self.create(urn, news, timeout, preview)[1]

        def delete(self, urn: str, resource_id: str, state: wire.Properties, timeout: float) -> None:
            """Gone."""

    setattr(kubernetes_server, "KubernetesProvider", Anything)  # noqa: B010
    kubernetes_server.serve(arguments)


class _Builder(api.Provider):
    """Builds nothing: an image's digest is that of its inputs."""

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Takes all."""
        return api.CheckResponse(request.new_inputs, [])

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Any other input is an update."""
        old, new = _shown(request.old_state), _shown(request.new_inputs)
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        return api.DiffResponse(changes=bool(changed), diffs=changed)

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """The reference by the digest."""
        if request.preview:
            return api.CreateResponse(None, request.properties)
        return api.CreateResponse("image", {**request.properties, "ref": _reference(request.properties)})

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Another digest."""
        if request.preview:
            return api.UpdateResponse(request.news)
        return api.UpdateResponse({**request.news, "ref": _reference(request.news)})

    async def delete(self, request: api.DeleteRequest) -> None:
        """Gone."""


def _shown(properties: Mapping[str, PropertyValue]) -> dict[str, str]:
    return {key: json.dumps(value, sort_keys=True) for key, value in plain(properties).items() if key != "ref"}


def _reference(properties: Mapping[str, PropertyValue]) -> PropertyValue:
    tag = properties["tag"].value if "tag" in properties else cast(Any, properties["tags"].value)[0].value
    digest = hashlib.sha256(repr(sorted(_shown(properties).items())).encode()).hexdigest()
    return PropertyValue(f"{tag}@sha256:{digest}")


def _docker_build(arguments: list[str]) -> None:
    server.main(arguments, plugins.version("docker-build"), _Builder())


if __name__ == "__main__":
    serve = {"oci": _oci, "command": _command, "kubernetes": _kubernetes, "docker-build": _docker_build}
    serve[sys.argv[1]](sys.argv[2:])
