"""actionlint on the workflows: `python -m tests.support.actionlint`. No package index carries it as a binary, so Go runs it."""

from __future__ import annotations

import os
import subprocess
import sys

from sandbox import paths
from sandbox.toolchain import golang
from tests.support.stack import ROOT

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def main() -> int:
    """Return the exit status of actionlint."""
    go = golang.find(paths.HOME, lambda line: print(f"  {line}", flush=True))
    return subprocess.run(
        [str(go.program), "run", ACTIONLINT], cwd=ROOT, env={**os.environ, **go.environment}
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
