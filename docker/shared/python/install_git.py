"""Installs git for the image's platform: install_git.py <root of the base for that platform>.

Runs on the platform that builds, and runs nothing of another: dnf unpacks packages for any architecture, without their scripts.
The result is /git, a tree to be copied to / of the last stage. It is empty if the base has git, if it has no dnf, or if dnf fails.

Environment: TARGETARCH ("arm64"), BASE_IMAGE (for messages).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from finish import finish
from install_packages import trust

# Architecture to rpm's name of it.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


def main(root: Path, out: Path = Path("/git")) -> None:
    """Fill `out`."""
    out.mkdir()
    if (root / "usr/bin/git").exists() or not (root / "usr/bin/dnf").exists():
        return
    before = rpm(root, "-qa")
    with trust() as environment:
        command = install(root, os.environ["TARGETARCH"], environment["SSL_CERT_FILE"])
        if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
            print(
                f"warning: the image has no git: dnf cannot install it on {os.environ['BASE_IMAGE']}", file=sys.stderr
            )
            return
    copy(root, rpm(root, "-ql", *(rpm(root, "-qa") - before)), out)
    finish(out)


def install(root: Path, architecture: str, certificates: str) -> list[str]:
    """The command that installs git below `root`. dnf takes repositories and keys from there (dnf(8), --installroot)."""
    options = ["install_weak_deps=0", "tsflags=noscripts,nodocs", "retries=2", f"sslcacert={certificates}"]
    command = ["dnf", "-y", f"--installroot={root}", f"--forcearch={ARCHITECTURES[architecture]}"]
    return [*command, *(f"--setopt={option}" for option in options), "install", "git-core"]


def rpm(root: Path, *query: str) -> set[str]:
    """The lines that rpm prints about the packages below `root`."""
    done = subprocess.run(["rpm", "--root", root, *query], stdout=subprocess.PIPE, text=True, check=True)
    return set(done.stdout.splitlines())


def copy(root: Path, files: set[str], out: Path) -> None:
    """Copy the paths that rpm lists. It also lists documentation, which dnf left out, and packages without files."""
    copied: dict[int, Path] = {}
    for file in sorted(files):
        source = root / file.lstrip("/")
        if not os.path.lexists(source):
            continue
        # A folder /lib64 in the layer would replace the base's link /lib64.
        target = out / source.parent.resolve().relative_to(root.resolve()) / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():
            target.mkdir(exist_ok=True)
        elif first := copied.get(source.lstat().st_ino):
            # git's commands are hard links to one file.
            os.link(first, target)
        else:
            shutil.copy2(source, target, follow_symlinks=False)
            copied[source.lstat().st_ino] = target


if __name__ == "__main__":
    main(Path(sys.argv[1]))
