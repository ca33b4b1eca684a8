"""What there is of the sandbox right now."""

from __future__ import annotations

from collections.abc import Callable

from sandbox import down, engine, machine, paths


def status(say: Callable[[str], None]) -> None:
    """Say which services, machines and stacks there are."""
    if not paths.RUNTIME.exists():
        # Not even asked: podman would set itself up to answer.
        say("nothing runs: `make local`")
        return
    for name, address in (
        (paths.REGISTRY_CONTAINER, paths.REGISTRY_ADDRESS),
        (paths.BUILDKIT_CONTAINER, paths.BUILDKIT_ADDRESS),
    ):
        say(f"{name:34} {'runs' if engine.running(name) else 'down':6} {address}")
    for name in machine.names():
        if state := machine.inspect(name):
            say(f"{name:34} {'runs' if state.running else 'down':6} {state.address}")
    for stack, count in down.stacks().items():
        say(f"stack {stack:28} {count} resources")
