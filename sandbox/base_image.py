"""The base image of the apps in the sandbox's registry: Python on the host's own Debian or Ubuntu, for linux/amd64 and linux/arm64.

It replaces a public base image, which a machine without access to public registries cannot pull. Packages are unpacked and their scripts
are not run, so the foreign platform needs no emulation. root_layer.py adds the files that the scripts would have created.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import distribution, oci_layout, paths, registry
from sandbox.process import SandboxError, privileged, run, run_logged, write_if_changed
from sandbox.root_layer import write_layer

REPOSITORY = "base/python"
ARCHITECTURES = ("amd64", "arm64")
LAYOUT = paths.IMAGES / "base"

# A shell, common tools, tini as init, and the libraries that wheels need from the system (source: PEP 600, manylinux: libgcc and
# libstdc++).
PACKAGES = distribution.words("""
base-files base-passwd bash dash coreutils findutils grep sed gzip tar procps libc-bin ncurses-base netbase tzdata tini
libgcc-s1 libstdc++6
git
""")


def python_version() -> str:
    """Return the version of Python in the base, such as "3.11". Raises SandboxError if the release has no suitable one."""
    version = distribution.this().python
    if not version:
        raise SandboxError(
            f"the images of the apps need Python 3.11 or newer, which {distribution.this().codename} does not have"
        )
    return version


def tags() -> list[str]:
    """Return the tags: the minor version of Python, and "3"."""
    return [python_version(), "3"]


def packages() -> list[str]:
    """Return the packages to unpack, without their dependencies."""
    version = python_version()
    return [*PACKAGES, f"python{version}", f"python{version}-venv"]


def key() -> str:
    """Return a hash of everything that decides the content of the images."""
    parts = [*packages(), *(line for one in ARCHITECTURES for line in distribution.this().sources(one))]
    digest = hashlib.sha256("\0".join(parts).encode() + distribution.CA_BUNDLE.read_bytes())
    for source in (
        Path(__file__),
        Path(__file__).with_name("root_layer.py"),
        Path(__file__).with_name("oci_layout.py"),
    ):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def ensure() -> bool:
    """Build the images in the OCI layout images/base unless they exist; return True if they were built."""
    wanted, stamp = key(), LAYOUT / "key"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    shutil.rmtree(LAYOUT, ignore_errors=True)
    LAYOUT.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(_unpack, ARCHITECTURES))
    native = distribution.this().architecture
    with ThreadPoolExecutor() as pool:
        layers = {
            one: pool.submit(write_layer, _root(one), _root(native), LAYOUT, python_version()) for one in ARCHITECTURES
        }
    images = [oci_layout.write_image(LAYOUT, one, [layers[one].result()]) for one in ARCHITECTURES]
    oci_layout.write_index(LAYOUT, images, python_version())
    run(privileged(["rm", "-f", *map(_root, ARCHITECTURES)]))
    write_if_changed(stamp, wanted)
    return True


def push() -> bool:
    """Push the images to the running registry unless it has them; return True if they were pushed."""
    return registry.push(LAYOUT, python_version(), REPOSITORY, tags())


def _root(architecture: str) -> Path:
    return paths.IMAGES / f"base-{architecture}.tar"


def _unpack(architecture: str) -> None:
    """Unpack the packages and their dependencies into a tar, without running programs of the foreign platform."""
    host = distribution.this()
    command: list[str | Path] = ["mmdebstrap", "--mode=root", "--variant=extract", "--format=tar"]
    command += [f"--architectures={architecture}", f"--include={','.join(packages())}"]
    command += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    options = ['APT::Install-Recommends "false"', 'Acquire::Languages "none"', *distribution.acquire_options()]
    command += [f"--aptopt={option}" for option in options]
    if architecture == host.architecture:
        # Like the packages' scripts: the user of an app cannot write byte code and would compile the library at every start.
        python = f"python{python_version()}"
        compile_all = f"-m compileall -q -j {os.cpu_count() or 1} --invalidation-mode unchecked-hash -x 'lib2to3|/test'"
        command += [f'--customize-hook=chroot "$1" /usr/bin/{python} {compile_all} /usr/lib/{python}']
    command += [host.codename, _root(architecture), *host.sources(architecture)]
    run_logged(privileged(command), paths.LOG / f"base-image-{architecture}.log")
