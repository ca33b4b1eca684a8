"""Builds images for the sandbox's containers from the host's own Debian or Ubuntu with mmdebstrap, and imports them into podman."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from sandbox import distribution, engine, paths
from sandbox.process import privileged, run, run_logged

# The containers need no manuals. dpkg needs no fsync in a file system that is still being built.
DPKG_OPTIONS = [
    *(f"path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "info", "locale", "lintian")),
    "force-unsafe-io",
]
APT_OPTIONS = ['APT::Install-Recommends "false"', 'Acquire::Languages "none"']


def key(parts: Iterable[str], files: Iterable[Path]) -> str:
    """Return a hash of everything that decides the content of an image."""
    host = distribution.this()
    text = [*parts, *host.sources(host.architecture), *DPKG_OPTIONS, *APT_OPTIONS]
    digest = hashlib.sha256("\0".join(text).encode())
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def present(image: str, wanted: str) -> bool:
    """Return whether podman has the image with this key."""
    found = engine.podman("image", "inspect", "--format", '{{index .Config.Labels "key"}}', image, check=False)
    return found.returncode == 0 and found.stdout.strip() == wanted


def build(image: str, wanted: str, packages: Sequence[str], hooks: Sequence[str]) -> None:
    """Build the image with the label `key`; hooks: mmdebstrap's --customize-hook. The log is named after the image."""
    name = image.rpartition("/")[2].removeprefix("sandbox-")
    paths.IMAGES.mkdir(parents=True, exist_ok=True)
    tar = paths.IMAGES / f"{name}.tar"
    run_logged(_mmdebstrap(tar, packages, hooks), paths.LOG / f"{name}-image.log")
    engine.podman("import", "--change", f"LABEL key={wanted}", tar, image)
    # Removes the previous image, unless a container uses it.
    engine.podman("image", "prune", "--force", check=False)
    run(privileged(["rm", "-f", tar]))


def _mmdebstrap(tar: Path, packages: Sequence[str], hooks: Sequence[str]) -> list[str]:
    host = distribution.this()
    command: list[str | Path] = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=tar"]
    command += [f"--architectures={host.architecture}", f"--include={','.join(packages)}"]
    command += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    command += [f"--aptopt={option}" for option in [*APT_OPTIONS, *distribution.acquire_options()]]
    command += [f"--customize-hook={hook}" for hook in hooks]
    return privileged([*command, host.codename, tar, *host.sources(host.architecture)])
