"""Takes the sandbox back: its stacks, then, unless a stack of a test still has resources, everything that runs or is mounted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from sandbox import engine, paths, stack_file
from sandbox.process import SandboxError, privileged, run


def ours() -> list[str]:
    """The stacks with a file of the sandbox's (stack_file): what `make local` and `make up` made, but no test's."""
    return sorted(file.stem.removeprefix("Pulumi.") for file in paths.STACKS.glob("Pulumi.*.yaml"))


def stacks() -> dict[str, int]:
    """Each stack of the backend, "project/name", and how many resources it has."""
    found = {}
    for file in sorted((paths.BACKEND / ".pulumi" / "stacks").glob("*/*.json")):
        latest = json.loads(file.read_text())["checkpoint"].get("latest") or {}
        found[f"{file.parent.name}/{file.stem}"] = len(latest.get("resources") or [])
    return found


def down(say: Callable[[str], None], *, force: bool) -> None:
    """Take everything back. With `force` without asking Pulumi: for a state that cannot be destroyed any more.

    Caches stay: toolchain, images, account (`make clean` deletes them).
    """
    for stack in ours():
        # What the tunnel to a cluster wrote (specs/kubeconfig.py).
        (paths.ROOT / f".kubeconfig-{stack}").unlink(missing_ok=True)
    if force:
        engine.reset()
        for folder in (paths.CLOUD, paths.BACKEND):
            run(privileged(["rm", "-rf", folder]))
        say("every container, volume, network and stack of the sandbox is gone")
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
        say(f"the sandbox stays up for {', '.join(left)}; `make destroy STACK=<name>` takes a stack back")
        return
    engine.reset()
    say("stacks and sandbox are down; toolchain and images stay for the next time (`make clean` deletes them)")


def clean() -> None:
    """Delete the sandbox's folder, with everything in it."""
    down(lambda _: None, force=True)
    # As root: some of it is written by containers.
    run(privileged(["rm", "-rf", paths.HOME]))


def _kept(stack: str) -> str:
    """What the stack will leave behind, as it says itself; "" for nothing, and for a stack that never came so far."""
    command: list[str | Path] = [paths.ROOT / "sandbox" / "pulumi", "stack", "output", "--json", "--stack", stack]
    found = json.loads(run(command, cwd=paths.ROOT).stdout)
    return f"{found['retained']} (dataVolumeId {found.get('dataVolumeId')})" if found.get("retained") else ""


def _pulumi(*args: str) -> None:
    command = [str(paths.ROOT / "sandbox" / "pulumi"), *args]
    if subprocess.run(command, cwd=paths.ROOT).returncode:
        raise SandboxError(
            f"`pulumi {' '.join(args)}` failed. Mend what it says and repeat `make local-down`, or give the stack up: "
            "`make local-down FORCE=1` removes the machines, volumes and state of every stack in the sandbox"
        )
