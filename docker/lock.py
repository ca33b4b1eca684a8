"""Locks Python packages: lock.py [--upgrade] [<requirements.in> …]. By default those of the project, of all apps and of the build.

Writes a .txt with exact versions and hashes beside each file. For an image it names each package without a wheel for a platform. A file
that belongs neither to the project nor to an app has extra packages (the key extraRequirements), and takes the app's versions of what both
need. Needs uv, beside this Python or on PATH.
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
sys.path.append(str(DOCKER / "shared/python"))
from install_packages import UV_PLATFORMS  # noqa: E402 - it is in the build context of each app

# The project's files and the oldest Python of each. Each takes the versions of the files before it ("-c" in the files).
OWN = {
    ROOT / "requirements.in": "3.10",
    ROOT / "sandbox" / "requirements.in": "3.10",
    ROOT / "policy" / "requirements.in": "3.10",
    ROOT / "tests" / "requirements.in": "3.11",
    ROOT / "tests" / "oci-cli" / "requirements.in": "3.11",
}
# The Pythons that a base may have, oldest first.
PYTHONS = sorted((DOCKER / "shared/python/python-versions").read_text().split())
WHEELS = ("--no-config", "--only-binary", ":all:", "--quiet")


def main(arguments: list[str]) -> int:
    """The exit status: 0 if all are locked, 1 with the reason on standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take newer versions of packages that are not pinned")
    parser.add_argument("--app", default="jupyterlab", help="the app of a file outside docker/")
    parser.add_argument("files", nargs="*", type=Path, metavar="requirements.in")
    options = parser.parse_args(arguments)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        print("error: uv is missing\n    pip install uv", file=sys.stderr)
        return 1
    files = [file.resolve() for file in options.files] or [*OWN, *sorted(DOCKER.rglob("*.in"))]
    return max(lock(uv, file, constraint(file, options.app), options.upgrade) for file in files)


def constraint(file: Path, app: str) -> Path | None:
    """The lock whose versions a file must take; None for the project's and the apps' files."""
    return None if file in OWN or file.is_relative_to(DOCKER) else DOCKER / app / "requirements.txt"


def lock(uv: str, source: Path, constraint: Path | None, upgrade: bool) -> int:
    """Lock one file; the exit status."""
    if source.suffix != ".in" or not source.is_file():
        print(
            f"error: {source} is no file with a name that ends in .in; write packages into it, one a line",
            file=sys.stderr,
        )
        return 1
    target = source.with_suffix(".txt")
    kind = ["--universal", "--generate-hashes", "--python-version", OWN.get(source, PYTHONS[0])]
    # The update bot reads the options from the file's first lines (source: dependabot-core, uv, compile_file_updater.rb).
    header = f"make lock  # uv pip compile {' '.join(kind)}"
    command = [uv, "pip", "compile", *WHEELS, *kind, "--custom-compile-command", header]
    command += [*(("--constraint", named(constraint)) if constraint else ()), *(("--upgrade",) if upgrade else ())]
    # Names relative to the project's folder, so that everybody writes the same file.
    if subprocess.run([*command, named(source), "--output-file", named(target)], cwd=ROOT, check=False).returncode:
        return 1
    if source not in OWN and not has_wheels(uv, target):
        target.unlink()
        return 1
    print(f"{named(target)}: {sum(1 for line in target.read_text().splitlines() if '==' in line)} packages")
    return 0


def has_wheels(uv: str, locked: Path) -> bool:
    """Whether each package has a wheel for each platform, for one Python at least. Prints those without one."""
    usable = True
    for architecture, tag in UV_PLATFORMS.items():
        platform = f"linux/{architecture}"
        refused = {python: reason for python in PYTHONS if (reason := refusal(uv, locked, tag, python))}
        if len(refused) == len(PYTHONS):
            print(f"error: {named(locked)} cannot be installed for {platform}: {refused[PYTHONS[0]]}", file=sys.stderr)
            usable = False
        else:
            for python, reason in refused.items():
                print(f"warning: {platform} with Python {python}: {reason}", file=sys.stderr)
    return usable


def refusal(uv: str, locked: Path, tag: str, python: str) -> str:
    """The reason why uv does not install the locked packages on a platform; "" if it does."""
    command = [uv, "pip", "compile", *WHEELS, "--no-deps", "--python-platform", tag, "--python-version", python]
    # uv answers without that Python.
    command += ["--no-python-downloads", "--no-header", named(locked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.returncode:
        return ""
    # The last cause is the reason. It has one line or several, and hints follow.
    causes = re.split(r"(?:^|\n)\s*(?:error|cause): ", done.stderr.partition("\nhint:")[0])
    return " ".join(causes[-1].split())


def named(file: Path) -> str:
    """The file's path relative to the project's folder."""
    return str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
