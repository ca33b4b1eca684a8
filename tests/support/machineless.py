"""A sandbox without machines, clusters, builder and registry, in which whole stacks are up in seconds: a dry run (sandbox/dry_run).

What a plan does is decided by the engine and by the providers' check and diff, and in what order by what the cloud refuses (a subnet on
another's addresses, deleting what is in use): all of that is the sandbox's own there. As a program (`python -m tests.support.machineless
command|oci <engine address>`) it is the plugin of remote commands, which a test can hold, or that of a cloud which a test can fill.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pulumi.provider.experimental.property_value import PropertyValue

from sandbox import paths, plugins
from sandbox.command import server
from sandbox.command.provider import CommandProvider
from sandbox.dry_run import home as dry_run
from sandbox.dry_run.host import FakeHost, FakeMachines, FakeNodes
from sandbox.kubernetes.specs import NodeSpec, NodeState
from sandbox.machine import MachineSpec, MachineState
from sandbox.oci import server as oci
from sandbox.oci.catalogue import KINDS
from sandbox.oci.cloud import Cloud
from sandbox.process import SandboxError
from sandbox.toolchain import tools
from tests.support.stack import ROOT

HOLD = "hold"
"""While this file is in the sandbox's folder no remote command ends: an `up` that takes as long as a test wants."""
FULL = "full"
"""While this file is in the sandbox's folder the cloud has no capacity: it accepts machines and nodes, and fails then."""


def lay_out(home: Path) -> None:
    """Make the folder of such a sandbox (SANDBOX_HOME), with a backend, a cloud and plugins of its own."""
    dry_run.lay_out(home)
    for name in SERVED:
        launcher = tools.plugin(name, plugins.version(name)).paths(home)[0]
        program = f"exec '{sys.executable}' -m tests.support.machineless {name} \"$@\""
        launcher.write_text(f"#!/bin/sh\nSANDBOX_HOME='{home}' PYTHONPATH='{ROOT}' {program}\n")


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


class Held(CommandProvider):
    """Every script ends well and prints nothing, but not while it is held."""

    async def _run(self, *_: object) -> dict[str, PropertyValue]:
        while (paths.HOME / HOLD).exists():
            await asyncio.sleep(0.2)
        return {"stdout": PropertyValue(""), "stderr": PropertyValue("")}


def refuse_if_full() -> None:
    if (paths.HOME / FULL).exists():
        raise SandboxError("Out of host capacity.")


class Machines(FakeMachines):
    """Machines while there is capacity."""

    def create(self, spec: MachineSpec) -> MachineState:
        refuse_if_full()
        return super().create(spec)


class Nodes(FakeNodes):
    """Nodes while there is capacity."""

    def create(self, spec: NodeSpec) -> NodeState:
        refuse_if_full()
        return super().create(spec)


def serve_oci(arguments: list[str]) -> None:
    oci.main(arguments, Cloud(paths.CLOUD, FakeHost(machines=Machines(), nodes=Nodes()), KINDS))


SERVED: dict[str, Callable[[list[str]], None]] = {
    "command": lambda arguments: server.serve(arguments, Held),
    "oci": serve_oci,
}

if __name__ == "__main__":
    SERVED[sys.argv[1]](sys.argv[2:])
