"""Time and memory of the engine, and the start of the app: `python -m bench [runs]`.

It compares the local stacks, as `make local` left them, with an empty Pulumi program.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import PULUMI, Command, compare, pulumi, runs_given

STACKS = ("local", "local-oke")
UP = ("up", "--yes", "--skip-preview")
QUIET = ("--non-interactive", "--color", "never")
IMPORTS = """\
import argon2, cryptography, pulumi, pulumi_command, pulumi_docker_build, pulumi_oci, pydantic, yaml
pulumi_command.remote.Command, pulumi_docker_build.Image, pulumi_oci.artifacts.ContainerRepository
pulumi_oci.core.Vcn, pulumi_oci.identity.get_user_output, pulumi_oci.objectstorage.get_namespace_output
"""
"""A program with the imports of this one, and without resources."""


@contextmanager
def project(name: str, program: str) -> Iterator[tuple[str, ...]]:
    """A Pulumi project with a stack, as long as the context lasts. Yields the options that select it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder, "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
        Path(folder, "__main__.py").write_text(program)
        options = ("--cwd", folder, "--stack", "bench", *QUIET)
        pulumi("stack", "init", *options)
        try:
            yield options
        finally:
            pulumi("stack", "rm", "--yes", *options)


def engine(runs: int) -> str:
    """Compare `up` and `preview` without changes."""
    stacks = [one["name"] for one in json.loads(pulumi("stack", "ls", "--json")) if one.get("resourceCount")]
    with project("empty", "import pulumi\n") as empty, project("imports", IMPORTS) as imports:
        commands = {
            "empty program: up": [*UP, *empty],
            "only the imports of this program: up": [*UP, *imports],
            "empty program: preview": ["preview", *empty],
        }
        for stack in sorted(set(stacks).intersection(STACKS)):
            options = ("--expect-no-changes", "--stack", stack, *QUIET)
            commands[f"stack {stack}: up, no change"] = [*UP, *options]
            commands[f"stack {stack}: preview, no change"] = ["preview", *options]
        return compare({title: Command([PULUMI, *words]) for title, words in commands.items()}, runs)


def start(runs: int) -> str:
    """Time from starting the app's unit on the instance until its first answer, including an SSH login."""
    outputs = json.loads(pulumi("stack", "output", "--json", "--stack", "local"))
    unit = f"app-{outputs['dataFolder'].rpartition('/')[2]}"
    wait = f"until curl --fail --silent --output /dev/null {outputs['health']}; do sleep 0.05; done"
    started = Command(
        ["sh", "-c", f"{outputs['ssh']} 'sudo systemctl start {unit}; {wait}'"],
        prepare=["sh", "-c", f"{outputs['ssh']} sudo systemctl stop {unit}"],
    )
    return compare({"start of the app until its first answer": started}, runs, memory=False)


def main() -> None:
    """Print both tables."""
    runs = runs_given(5)
    print(f"\n{engine(runs)}\n\n{start(runs)}")


if __name__ == "__main__":
    main()
