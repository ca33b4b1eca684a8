"""`python -m sandbox.dry_run <stack> <folder>`: create the state that the program of another checkout would leave."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox import paths
from sandbox.dry_run import home
from sandbox.process import SandboxError
from sandbox.progress import report_error


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0, 1 if the other program fails, 2 if it does not have the stack. On errors the state is empty."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.dry_run", description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("base", type=Path, help="folder of the other checkout")
    chosen = parser.parse_args(arguments)
    if not (chosen.base / "Pulumi.yaml").exists():
        parser.error(f"{chosen.base} is not a checkout of this project: it has no Pulumi.yaml")
    try:
        own = home.make(chosen.stack)
    except SandboxError as error:
        return report_error(error)
    if not (chosen.base / f"Pulumi.{chosen.stack}.yaml").exists():
        print(f"  {chosen.base} has no stack {chosen.stack}: the state is empty", flush=True)
        return 2
    command = [sys.executable, "-m", "sandbox.dry_run.base", chosen.stack, str(chosen.base)]
    if subprocess.run(command, cwd=paths.ROOT, env={**os.environ, "SANDBOX_HOME": str(own)}).returncode == 0:
        return 0
    home.make(chosen.stack)
    print(f"  the program in {chosen.base} failed for {chosen.stack}: the state is empty", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
