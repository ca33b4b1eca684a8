"""`sandbox/pulumi`: the real Pulumi CLI in the sandbox's environment, with the sandbox's stack file (stack_file).

The default stack is "local". Arguments are passed on, with `--config-file` added. `stack init` and `stack rm` are changed so that they do
not write or delete the committed stack file.
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

# Commands with the flag --config-file, and their aliases (source: pulumi 3.259.0, pkg/cmd/pulumi).
CONFIGURED = {"up", "update", "preview", "pre", "refresh", "destroy", "down", "dn", "import", "watch", "logs", "config"}
# Commands that show a plan.
PLANNING = {"up", "update", "preview", "pre"}
# Flags with a value in the next word. A value of any other flag counts as a word, which does no harm.
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
    """The words without flags, and the values of three flags or ""."""

    words: tuple[str, ...]
    stack: str
    cwd: str
    config_file: str


def parse(args: Sequence[str]) -> Arguments:
    """Parse the relevant parts of a pulumi command line."""
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
    """Return the folder of the Pulumi project that contains `start`."""
    return next((folder for folder in [start, *start.parents] if (folder / "Pulumi.yaml").exists()), None)


def command_line(args: Sequence[str]) -> list[str]:
    """Prepare what the command needs and return the command line to execute, or [] if nothing remains to be done."""
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
            # The review's summary finds the line by its beginning.
            why = "(docs/review.md explains why)"
            shown = [key if key.isprintable() else repr(key) for key in differing]
            print(f"sandbox: values that differ from Pulumi.{stack}.yaml: {', '.join(shown)} {why}", file=sys.stderr)
        position = list(args).index(command) + 1
        return [*args[:position], "--config-file", str(file), *args[position:]]
    if command == "stack" and known:
        stack_file.ensure(stack)
    return list(args)


def main(args: Sequence[str]) -> int:
    """Replace this process by pulumi, or return an exit status."""
    if not stack_file.PULUMI.exists():
        print("The sandbox has no pulumi yet. Run `make local`, or `make prepare` for previews only.", file=sys.stderr)
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
        # The first stack of another project needs the folder.
        paths.BACKEND.mkdir(parents=True, exist_ok=True)
        defaults = {"PULUMI_STACK": _DEFAULT_STACK, **os.environ}
        os.execve(stack_file.PULUMI, ["pulumi", *command], environment(defaults))  # noqa: S606
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
