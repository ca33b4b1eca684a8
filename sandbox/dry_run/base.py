"""`python -m sandbox.dry_run.base <stack> <folder>`, in the home of a dry run: `up` of the program in another checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from sandbox import paths, stack_file


def config_file(stack: str, base: Path) -> Path:
    """Write the stack's file with the committed values of the other checkout, and the same account and secrets."""
    document = yaml.safe_load(stack_file.ensure(stack).read_text())
    name = stack_file.project()
    now, before = (stack_file.committed_config(name, folder / f"Pulumi.{stack}.yaml") for folder in (base, paths.ROOT))
    config = stack_file.merged(document["config"], before, now, stack_file.account_values(name))
    file = paths.STACKS / f"base-of-{stack}.yaml"
    stack_file.write(stack, file, document, config)
    return file


def main(stack: str, folder: str) -> int:
    """Run `up` and return the exit status of the engine."""
    base = Path(folder).absolute()
    environment, own = paths.ROOT / "venv", base / "venv"
    if environment.exists() and not own.exists():
        own.symlink_to(environment)
    options = ["--cwd", base, "--stack", stack, "--config-file", config_file(stack, base), "--non-interactive"]
    command = [paths.ROOT / "sandbox" / "pulumi", "up", "--yes", "--skip-preview", "--color", "never", *options]
    return subprocess.run(
        [str(word) for word in command], env={**os.environ, "SANDBOX_HOME": str(paths.HOME)}
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
