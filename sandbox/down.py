"""Destroys the sandbox's stacks, then stops everything unless a stack of a test still has resources."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from sandbox import engine, paths, stack_file
from sandbox.process import SandboxError, privileged, run


def ours() -> list[str]:
    """Return the stacks of `make local` and `make up`, without those of tests."""
    return sorted(file.stem.removeprefix("Pulumi.") for file in paths.STACKS.glob("Pulumi.*.yaml"))


def stacks() -> dict[str, int]:
    """Return the number of resources of each stack ("project/name") of the backend."""
    found = {}
    for file in sorted((paths.BACKEND / ".pulumi" / "stacks").glob("*/*.json")):
        latest = json.loads(file.read_text())["checkpoint"].get("latest") or {}
        found[f"{file.parent.name}/{file.stem}"] = len(latest.get("resources") or [])
    return found


def down(say: Callable[[str], None], *, force: bool) -> None:
    """Destroy the stacks and stop everything. With `force`, remove everything without `pulumi destroy`, for a broken state.

    Toolchain, images and account stay; `make clean` deletes them.
    """
    for stack in ours():
        # The tunnel to a cluster wrote it (specs/kubeconfig.py).
        (paths.ROOT / f".kubeconfig-{stack}").unlink(missing_ok=True)
    if force:
        engine.reset()
        for folder in (paths.CLOUD, paths.BACKEND):
            run(privileged(["rm", "-rf", folder]))
        say("removed every container, volume, network and stack of the sandbox")
        return
    for stack in ours():
        if stacks().get(f"{stack_file.project()}/{stack}"):
            kept = _kept(stack)
            _pulumi("destroy", "--yes", "--skip-preview", "--stack", stack)
            _pulumi("stack", "rm", "--yes", "--stack", stack)
            if kept:
                say(f"stack {stack}: {kept}")
    left = [stack for stack, count in stacks().items() if count]
    if left:
        say(f"the sandbox keeps running for {', '.join(left)}; `make destroy STACK=<name>` removes a stack")
        return
    engine.reset()
    say("removed the stacks and stopped the sandbox; toolchain and images stay (`make clean` deletes them)")


def clean() -> None:
    """Remove everything and delete the sandbox's folder."""
    down(lambda _: None, force=True)
    # As root, because containers wrote some of the files.
    run(privileged(["rm", "-rf", paths.HOME]))


def _kept(stack: str) -> str:
    """Return what the stack will leave behind, from its outputs; "" for nothing."""
    command: list[str | Path] = [paths.ROOT / "sandbox" / "pulumi", "stack", "output", "--json", "--stack", stack]
    found = json.loads(run(command, cwd=paths.ROOT).stdout)
    return f"{found['retained']} (dataVolumeId {found.get('dataVolumeId')})" if found.get("retained") else ""


def _pulumi(*args: str) -> None:
    command = [str(paths.ROOT / "sandbox" / "pulumi"), *args]
    if subprocess.run(command, cwd=paths.ROOT).returncode:
        raise SandboxError(
            f"`pulumi {' '.join(args)}` failed. Fix the error above and repeat `make local-down`. "
            "`make local-down FORCE=1` removes the machines, volumes and state of every stack in the sandbox instead"
        )
