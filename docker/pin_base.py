"""Pins a stack's base image: sets baseImage to "<name>:<tag>@<digest>" with the tag's present digest.

    pin_base.py [--stack <name>] [--pulumi <command>]

`docker buildx imagetools` or skopeo asks the registry, with its own logins. If the image does not exist for all platforms of the stack,
nothing changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

EXAMPLE = "pulumi config set baseImage ghcr.io/oracle/oraclelinux9-python:3.12"
PROJECT = Path(__file__).resolve().parent.parent / "Pulumi.yaml"
# A command that shows whether the tool is installed, and one that prints an index.
INSPECTORS = (
    (("docker", "buildx", "version"), ("docker", "buildx", "imagetools", "inspect", "--raw", "{}")),
    (("skopeo", "--version"), ("skopeo", "inspect", "--raw", "docker://{}")),
)


class PinError(Exception):
    """The base cannot be pinned; the text has the reason and the fix."""


def main(arguments: list[str]) -> int:
    """The exit status: 0 if the digest is set, 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--pulumi", default="pulumi", help="the command that reads and sets the configuration")
    options = parser.parse_args(arguments)
    pulumi = shlex.split(options.pulumi)
    try:
        found = settings(json.loads(run([*pulumi, "config", "--json", "--stack", options.stack])))
        pinned = pin(found["baseImage"], found["platforms"])
        run([*pulumi, "config", "set", "--stack", options.stack, "baseImage", pinned])
    except PinError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"baseImage of stack {options.stack}: {pinned}")
    return 0


def settings(configuration: dict[str, Any]) -> dict[str, Any]:
    """The stack's values, as `pulumi config --json` prints them, over the defaults in Pulumi.yaml."""
    project = yaml.safe_load(PROJECT.read_text())
    defaults = {key: entry["default"] for key, entry in project["config"].items()}
    entries = {key.partition(":")[2]: entry for key, entry in configuration.items()}
    return defaults | {key: entry.get("objectValue", entry.get("value")) for key, entry in entries.items()}


def pin(reference: str, platforms: list[str]) -> str:
    """The reference with its tag's digest. Raises PinError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]*", reference):
        raise PinError(f"baseImage: {reference!r} is no reference of an image\n    {EXAMPLE}")
    name = reference.partition("@")[0]
    if ":" not in name.rpartition("/")[2]:
        raise PinError(f"baseImage: {reference} has no tag to pin\n    {EXAMPLE}")
    manifest = inspect(name)
    existing = {
        f"{entry['platform']['os']}/{entry['platform']['architecture']}"
        for entry in json.loads(manifest).get("manifests", [])
        if "platform" in entry
    }
    lacking = [platform for platform in platforms if platform not in existing]
    if lacking:
        names = ", ".join(sorted(existing - {"unknown/unknown"})) or "one platform only"
        raise PinError(
            f"baseImage: {name} does not exist for {' and '.join(lacking)} (only for {names})\n"
            "    pulumi config set baseImage <an image for all platforms>"
        )
    return f"{name}@sha256:{hashlib.sha256(manifest).hexdigest()}"


def inspect(name: str) -> bytes:
    """The bytes of a tag's index; the digest is theirs. Raises PinError."""
    command = next((command for probe, command in INSPECTORS if works(probe)), None)
    if command is None:
        raise PinError("neither Docker with buildx nor skopeo is installed\n    https://docs.docker.com/engine/install")
    done = subprocess.run([word.format(name) for word in command], capture_output=True, check=False)
    if done.returncode:
        raise PinError(f"baseImage: {name} cannot be inspected\n{done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def works(command: Sequence[str]) -> bool:
    """Whether the program is installed and has the subcommand."""
    return bool(shutil.which(command[0])) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def run(command: list[str]) -> str:
    """The output of pulumi. Raises PinError with its error."""
    done = subprocess.run(command, cwd=PROJECT.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PinError(f"{' '.join(command[:3])}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
