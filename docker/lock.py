"""Locks Python packages: lock.py [--upgrade] <requirements.in> …, or those of the project, of all apps and of the build itself.

Beside each file it writes the .txt with the exact versions and hashes that are installed. Of an image it names each package that has no
wheel for a platform. A file that is neither the project's nor an app's is of packages beside an app's own (the key extraRequirements) and
takes the app's versions of what both need. Needs uv, beside this Python or on PATH.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

DOCKER = Path(__file__).resolve().parent
ROOT = DOCKER.parent
# The project's own files and the oldest Python of each, in this order: each takes the versions of those before it ("-c" in the files).
OWN = {
    ROOT / "requirements.in": "3.10",
    ROOT / "sandbox" / "requirements.in": "3.10",
    ROOT / "policy" / "requirements.in": "3.10",
    ROOT / "tests" / "requirements.in": "3.11",
    ROOT / "tests" / "oci-cli" / "requirements.in": "3.11",
}
# The Pythons that a base may have (docker/shared/python/with-python).
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# As docker/shared/python/install_packages.py names them to uv.
PLATFORMS = {"linux/amd64": "x86_64-manylinux_2_28", "linux/arm64": "aarch64-manylinux_2_28"}
WHEELS = ("--no-config", "--only-binary", ":all:", "--quiet")


def main(arguments: list[str]) -> int:
    """The exit status: 0 when all are locked, 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take newer versions of what is not pinned")
    parser.add_argument("--app", default="jupyterlab", help="the app to whose packages a file outside docker/ adds")
    parser.add_argument("files", nargs="*", type=Path, metavar="requirements.in")
    options = parser.parse_args(arguments)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        print("error: uv is missing\n    pip install uv", file=sys.stderr)
        return 1
    files = [file.resolve() for file in options.files] or [*OWN, *sorted(DOCKER.rglob("*.in"))]
    return max(lock(uv, file, constraint(file, options.app), options.upgrade) for file in files)


def constraint(file: Path, app: str) -> Path | None:
    """The lock whose versions a file has to take as they are; None for the project's and the apps' own."""
    return None if file in OWN or file.is_relative_to(DOCKER) else DOCKER / app / "requirements.txt"


def lock(uv: str, source: Path, constraint: Path | None, upgrade: bool) -> int:
    """Lock one file; the exit status."""
    if source.suffix != ".in" or not source.is_file():
        print(
            f"error: {source} is not a file whose name ends in .in; write packages into it, one a line", file=sys.stderr
        )
        return 1
    target = source.with_suffix(".txt")
    kind = ["--universal", "--generate-hashes", "--python-version", OWN.get(source, PYTHONS[0])]
    # In the file's first lines: the update bot looks there for the options (source: dependabot-core, uv, compile_file_updater.rb).
    said = f"make lock  # uv pip compile {' '.join(kind)}"
    command = [uv, "pip", "compile", *WHEELS, *kind, "--custom-compile-command", said]
    command += [*(("--constraint", named(constraint)) if constraint else ()), *(("--upgrade",) if upgrade else ())]
    # Named from the project's folder, so that whoever locks it writes the same file.
    if subprocess.run([*command, named(source), "--output-file", named(target)], cwd=ROOT, check=False).returncode:
        return 1
    if source not in OWN and not has_wheels(uv, target):
        target.unlink()
        return 1
    print(f"{named(target)}: {sum(1 for line in target.read_text().splitlines() if '==' in line)} packages")
    return 0


def has_wheels(uv: str, locked: Path) -> bool:
    """Is there a wheel of each package for each platform, for one Python at least? Says which there are not."""
    usable = True
    for platform, tag in PLATFORMS.items():
        refused = {python: reason for python in PYTHONS if (reason := refusal(uv, locked, tag, python))}
        if len(refused) == len(PYTHONS):
            print(f"error: {named(locked)} cannot be installed for {platform}: {refused[PYTHONS[0]]}", file=sys.stderr)
            usable = False
        else:
            for python, reason in refused.items():
                print(f"warning: {platform} with Python {python}: {reason}", file=sys.stderr)
    return usable


def refusal(uv: str, locked: Path, tag: str, python: str) -> str:
    """Why uv would not install the locked packages on a platform; "" when it would."""
    command = [uv, "pip", "compile", *WHEELS, "--no-deps", "--python-platform", tag, "--python-version", python]
    # It need not have that Python to tell.
    command += ["--no-python-downloads", "--no-header", named(locked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.returncode:
        return ""
    # Its last cause, on however many lines, is the reason; what is below it are hints.
    said = done.stderr.partition("\nhint:")[0]
    return " ".join(re.split(r"(?:^|\n)\s*(?:error|cause): ", said)[-1].split())


def named(file: Path) -> str:
    """The file as seen from the project's folder."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
