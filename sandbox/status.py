"""What there is of the sandbox right now."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox import address, down, engine, machine, paths
from sandbox.kubernetes import service


def status(say: Callable[[str], None]) -> None:
    """Say which services, machines and stacks there are."""
    if not paths.RUNTIME.exists():
        # Not even asked: podman would set itself up to answer.
        say("nothing runs: `make local`")
        return
    for name, where in (
        (paths.REGISTRY_CONTAINER, paths.REGISTRY_ADDRESS),
        (paths.BUILDKIT_CONTAINER, paths.BUILDKIT_ADDRESS),
    ):
        say(f"{name:34} {'runs' if engine.running(name) else 'down':6} {where}")
    for name in machine.names():
        if state := machine.inspect(name):
            say(f"{name:34} {'runs' if state.running else 'down':6} {state.address}")
    for name in service.names():
        say(f"{name:34} {'runs' if engine.running(name) else 'down':6} {address.of(name)}")
    for kind in ("loadbalancer", "volume"):
        for record in _records(kind):
            where = record["private"].get("address") or f"{record['properties']['sizeInGbs']} GB"
            say(f"{kind} {record['id'][-12:]:24} {'there':6} {where}")
    for stack, count in down.stacks().items():
        say(f"stack {stack:28} {count} resources")


def _records(kind: str) -> list[dict[str, Any]]:
    """What the cloud has of a kind; what is retained is among it."""
    return [json.loads(file.read_text()) for file in sorted((paths.CLOUD / "resources" / kind).glob("*.json"))]
