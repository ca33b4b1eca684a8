"""Prints the names of the committed stacks as a JSON list: `python3 .github/scripts/stacks.py`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path


def stacks() -> list[str]:
    """Return the names in the tracked files Pulumi.<name>.yaml."""
    command = ["git", "ls-files", "Pulumi.*.yaml"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(Path(name).stem.removeprefix("Pulumi.") for name in listed)


if __name__ == "__main__":
    print(json.dumps(stacks()))
