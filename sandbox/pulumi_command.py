"""`sandbox/pulumi`: the real Pulumi CLI in the sandbox's environment, with the stack's file of the sandbox (stack_file).

Without `--stack` the stack is "local". What it is asked to do is passed on as it is, but for the flag `--config-file`, and for three
commands which write or delete the committed stack file: `stack init` and `stack rm`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import paths, stack_file
from sandbox.environment import environment
from sandbox.process import CommandError, SandboxError

# Commands which take --config-file, with their other names (source: pulumi 3.259.0, pkg/cmd/pulumi).
CONFIGURED = {"up", "update", "preview", "pre", "refresh", "destroy", "down", "dn", "import", "watch", "logs", "config"}
# Of these, those which show what the configuration makes of the stack.
PLANNING = {"up", "update", "preview", "pre"}
# Flags before or after the command whose value is the next word; what follows other flags may be taken for a word, which does no harm.
_WITH_VALUE = {
    "-C",
    "--cwd",
    "-s",
    "--stack",
    "--color",
    "-v",
    "--verbose",
    "--config-file",
    "--tracing",
    "--profiling",
}
_DEFAULT_STACK = "local"


@dataclass(frozen=True)
class Arguments:
    """What matters of a command line: its words that are no flags, and the values of three flags; "" where not given."""

    words: tuple[str, ...]
    stack: str
    cwd: str
    config_file: str


def parse(args: Sequence[str]) -> Arguments:
    """Read a command line of pulumi as far as is needed here."""
    words: list[str] = []
    values: dict[str, str] = {}
    rest = iter(args)
    for arg in rest:
        name, equals, value = arg.partition("=")
        if arg == "--":
            words += rest
        elif not arg.startswith("-"):
            words.append(arg)
        elif equals:
            values[name] = value
        elif arg in _WITH_VALUE:
            values[arg] = next(rest, "")
    stack = values.get("--stack") or values.get("-s") or ""
    return Arguments(
        tuple(words), stack, values.get("--cwd") or values.get("-C") or "", values.get("--config-file", "")
    )


def project_folder(start: Path) -> Path | None:
    """The folder of the Pulumi project that `start` is in."""
    return next((folder for folder in [start, *start.parents] if (folder / "Pulumi.yaml").exists()), None)


def command_line(args: Sequence[str]) -> list[str]:
    """The command line to execute, having made what it needs; [] when there is nothing left to do."""
    given = parse(args)
    stack = given.stack or os.environ.get("PULUMI_STACK") or _DEFAULT_STACK
    command, verb = (*given.words, "", "")[:2]
    ours = project_folder((Path.cwd() / given.cwd).resolve()) == paths.ROOT
    if command == "stack" and verb in ("rm", "remove"):
        return [*args, "--preserve-config"]
    if not ours:
        return list(args)
    if command == "stack" and verb in ("init", "new", "create", "setup"):
        stack = given.words[2] if len(given.words) > 2 else given.stack
        stack_file.init(stack_file.project(), stack)
        print(f"Created stack '{stack}'")
        return []
    known = stack_file.committed(stack).exists() or stack_file.path(stack).exists()
    if command in CONFIGURED and not given.config_file and (known or stack_file.exists(stack_file.project(), stack)):
        file = stack_file.ensure(stack)
        differing = stack_file.differing(stack) if command in PLANNING else []
        if differing:
            # operations/review/summary.py finds the line by its beginning.
            why = "(docs/review.md says why)"
            shown = [key if key.isprintable() else repr(key) for key in differing]
            print(f"sandbox: not as Pulumi.{stack}.yaml has them: {', '.join(shown)} {why}", file=sys.stderr)
        position = list(args).index(command) + 1
        return [*args[:position], "--config-file", str(file), *args[position:]]
    if command == "stack" and known:
        stack_file.ensure(stack)
    return list(args)


def main(args: Sequence[str]) -> int:
    """Become pulumi."""
    if not stack_file.PULUMI.exists():
        print("The sandbox has no pulumi yet: `make local`, or `make prepare` for previews alone.", file=sys.stderr)
        return 1
    try:
        command = command_line(args)
    except CommandError as error:
        print(error.output.strip(), file=sys.stderr)
        return error.code
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if command:
        # Of another project in this sandbox this may be the first stack.
        paths.BACKEND.mkdir(parents=True, exist_ok=True)
        defaults = {"PULUMI_STACK": _DEFAULT_STACK, **os.environ}
        os.execve(stack_file.PULUMI, ["pulumi", *command], environment(defaults))  # noqa: S606
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
