"""Lists the services, machines and stacks of the sandbox (`make status`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox import address, down, engine, machine, paths
from sandbox.kubernetes import service


def status(say: Callable[[str], None]) -> None:
    """Print services, machines, load balancers, volumes and stacks."""
    if not paths.RUNTIME.exists():
        # podman would create its files to answer.
        say("nothing is running; `make local` starts the sandbox")
        return
    services = {paths.REGISTRY_CONTAINER: paths.REGISTRY_ADDRESS, paths.BUILDKIT_CONTAINER: paths.BUILDKIT_ADDRESS}
    others = {name: address.of(name) for name in [*machine.names(), *service.names()]}
    for name, where in {**services, **others}.items():
        say(f"{name:34} {'running' if engine.running(name) else 'stopped':8} {where}")
    for kind in ("loadbalancer", "volume"):
        for record in _records(kind):
            where = record["private"].get("address") or f"{record['properties']['sizeInGbs']} GB"
            say(f"{kind} {record['id'][-12:]:{33 - len(kind)}} {'exists':8} {where}")
    for stack, count in down.stacks().items():
        say(f"stack {stack:28} {count} resources")


def _records(kind: str) -> list[dict[str, Any]]:
    """Return the cloud's resources of a kind, including retained ones."""
    return [json.loads(file.read_text()) for file in sorted((paths.CLOUD / "resources" / kind).glob("*.json"))]
