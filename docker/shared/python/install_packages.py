"""Installs an app's locked packages for every platform of the build at once: install_packages.py <requirements.txt> ….

Runs on the platform that builds, in a first stage, and runs nothing of another platform: uv unpacks wheels, whatever they are for. The
result is in /out: `common` holds what is the same on all platforms, which are most of the files and all byte code; it is installed,
compiled, compressed and pushed once. `/out/<architecture>` holds the rest. Each is a tree to be copied to / of the last stage.

Environment: PLATFORMS ("linux/amd64,linux/arm64"), BASE_IMAGE (for messages).
"""

from __future__ import annotations

import csv
import filecmp
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from finish import finish

APP = Path("/opt/app")
OUT = Path("/out")
COMMON = OUT / "common"
UV = Path("/opt/uv")
# Of specs/build_errors.py: of a step that failed, the program sees nothing but its exit code.
NO_PYTHON, NO_PACKAGES, NO_INDEX, NO_SPACE = 78, 65, 69, 74
# A disk with less left, in bytes, is why a step failed, whatever the step said.
FULL = 16 * 2**20
LINGER_SECONDS = 3
# Architecture as images name it, to uv's name of the platform: glibc 2.28 or newer, as Oracle Linux 8 has it.
UV_PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
# Where the systems keep the certificates they trust: Debian and Ubuntu; Oracle Linux; what Python itself was built with.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    ssl.get_default_verify_paths().cafile,
)
# A build secret; there only when one is given.
CA_BUNDLE = Path("/run/secrets/ca-bundle")


def main(locks: list[Path]) -> None:
    """Fill /out, or end with a message that says what is wrong with the base, the platforms or the packages."""
    architectures = wanted(os.environ["PLATFORMS"])
    # Made by the base's own Python, which lies at the same place for the other platform. Its scripts name /opt/app/bin/python.
    virtual_environment(APP, with_pip=False)
    roots = {one: OUT / one for one in architectures}
    with trust() as environment:
        install_uv(environment)
        # At once: the one downloads while the other unpacks. uv's cache is safe for that.
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda one: install(one, roots[one], locks, environment), architectures))
    shutil.copytree(APP, COMMON / APP.relative_to("/"), symlinks=True)
    share(list(roots.values()))
    for tree in (COMMON, *roots.values()):
        compile_packages(tree)
        finish(tree)


def wanted(platforms: str) -> list[str]:
    """The architectures of a list such as "linux/amd64,linux/arm64"."""
    architectures = [platform.removeprefix("linux/") for platform in platforms.split(",")]
    for unknown in set(architectures) - UV_PLATFORMS.keys():
        fail(
            NO_PACKAGES,
            f"platforms: no packages are locked for linux/{unknown}",
            "pulumi config set --path 'platforms[0]' linux/arm64",
        )
    return architectures


@contextmanager
def trust() -> Iterator[dict[str, str]]:
    """The environment for pip and uv. They bring lists of certificates of their own, which know no proxy's; the base decides whom to
    trust, and the person who builds, by caBundleFile.
    """
    of_base = next((Path(file) for file in BUNDLES if file and Path(file).is_file()), None)
    trusted = [file for file in (of_base, CA_BUNDLE) if file and file.is_file()]
    if not trusted:
        fail(
            NO_INDEX,
            f"baseImage: {os.environ['BASE_IMAGE']} has no CA certificates, and none are given",
            "pulumi config set caBundleFile <file>",
        )
    # Gone when the packages are there, so that it is in no layer, not even of this stage.
    with tempfile.NamedTemporaryFile(suffix=".pem") as bundle:
        bundle.write(b"\n".join(file.read_bytes() for file in trusted))
        bundle.flush()
        yield {**os.environ, "SSL_CERT_FILE": bundle.name, "PIP_CERT": bundle.name, "PIP_NO_CACHE_DIR": "1"}


def virtual_environment(folder: Path, with_pip: bool) -> None:
    """Make a virtual environment of the base's Python. Debian packages what that needs apart."""
    try:
        venv.create(folder, with_pip=with_pip, symlinks=True)
    except (ImportError, subprocess.CalledProcessError):
        fail(
            NO_PYTHON,
            f"baseImage: the Python of {os.environ['BASE_IMAGE']} cannot make a virtual environment (Debian: python3-venv)",
            "pulumi config set baseImage ghcr.io/oracle/oraclelinux9-python:3.12",
        )


def install_uv(environment: dict[str, str]) -> None:
    """Install uv, for this stage alone."""
    virtual_environment(UV, with_pip=True)
    lock = Path(__file__).with_name("build-requirements.txt")
    pip: list[str | Path] = [UV / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--only-binary", ":all:", "--require-hashes", "-r", lock], environment, "uv cannot be installed")


def install(architecture: str, root: Path, locks: Iterable[Path], environment: dict[str, str]) -> None:
    """Install the packages below `root` for one architecture."""
    prefix = root / APP.relative_to("/")
    prefix.mkdir(parents=True)
    # As in a virtual environment. Else, on Oracle Linux, the packages with machine code would lie in a folder of their own.
    (prefix / "lib64").symlink_to("lib")
    command: list[str | Path] = [UV / "bin/uv", "pip", "install", "--no-config", "--no-progress", "--link-mode", "copy"]
    command += ["--python", APP / "bin/python", "--prefix", prefix, "--python-platform", UV_PLATFORMS[architecture]]
    command += ["--only-binary", ":all:", "--require-hashes"]
    for lock in locks:
        # uv warns of an empty one, as that of further packages mostly is.
        command += ["-r", lock] if lock.stat().st_size else []
    run(
        command,
        environment,
        f"the packages cannot be installed for linux/{architecture}; the lines above say which and why",
    )


def share(roots: list[Path]) -> None:
    """Move what is the same in all `roots` to `common`, and leave them without empty folders."""
    first, *others = roots
    hashes = [recorded(root) for root in roots]
    for folder, names, files in os.walk(first):
        for name in (*files, *(name for name in names if Path(folder, name).is_symlink())):
            path = Path(folder, name).relative_to(first)
            known = {of_root.get(path, "") for of_root in hashes}
            if all(same(first / path, other / path, known) for other in others):
                target = COMMON / path
                target.parent.mkdir(parents=True, exist_ok=True)
                (first / path).replace(target)
                for other in others:
                    (other / path).unlink()
    for root in roots:
        for folder, _, _ in os.walk(root, topdown=False):
            if not any(Path(folder).iterdir()):
                Path(folder).rmdir()
        root.mkdir(exist_ok=True)


def recorded(root: Path) -> dict[Path, str]:
    """The hashes of files below `root`, as the packages' records have them (source: PyPA, "Recording installed projects")."""
    hashes = {}
    for record in root.glob("opt/app/lib/python3*/site-packages/*.dist-info/RECORD"):
        packages = record.parents[1]
        with record.open(newline="") as lines:
            for path, of_file, _ in csv.reader(lines):
                if of_file:
                    hashes[Path(os.path.normpath(packages / path)).relative_to(root)] = of_file
    return hashes


def same(one: Path, other: Path, hashes: set[str]) -> bool:
    """Are both files, or links, of the same content and mode? `hashes`: what is recorded of them, "" where nothing is; it saves reading
    them, 9 of 47 s that this script took.
    """
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if not other.is_file() or one.stat().st_mode != other.stat().st_mode:
        return False
    if "" not in hashes:
        return len(hashes) == 1
    return filecmp.cmp(one, other, shallow=False)


def compile_packages(tree: Path) -> None:
    """Byte-compile what is in `tree`, the same bytes in every run.

    What a compilation writes depends on what its process compiled before (source: CPython issue 78274, marshal's reference flags), so
    each package has a process of its own. Unchecked: byte code is valid whatever times the files get on their way into an image. Python
    code for other versions, which some packages carry as data, does not compile, and need not; nor need packages' own tests.
    """
    python = APP / "bin/python"
    command: list[str | Path] = [
        python,
        "-m",
        "compileall",
        "-qq",
        "-j",
        "1",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        tree,
        "-p",
        "/",
    ]
    command += ["-x", "/tests/"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    packages = sorted(tree.glob("opt/app/lib/python3*/site-packages/*"))
    sources = [path for path in packages if path.is_dir() or path.suffix == ".py"]
    # The largest first, so that none is waited for at the end.
    sources.sort(key=lambda path: -sum(1 for _ in path.rglob("*.py")))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: subprocess.run([*command, path], env=environment, check=False), sources))


def run(command: list[str | Path], environment: dict[str, str], problem: str) -> None:
    """Run pip or uv; when it fails, end with `problem` below what it printed. uv's status is 1 when the packages cannot be had as
    they are locked, and 2 for anything else, which mostly is the network (uv 0.13.9).
    """
    status = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    if status:
        fail(NO_PACKAGES if status == 1 and command[0] == UV / "bin/uv" else NO_INDEX, problem)


def fail(code: int, problem: str, mend: str = "") -> NoReturn:
    """End with a message for a person, and a code for the program."""
    print(f"error: {problem}" + (f"\n    {mend}" if mend else ""), file=sys.stderr, flush=True)
    # Lines that come with a step's end are lost now and then (pulumi-docker-build 0.0.22), and these are what a person needs.
    time.sleep(LINGER_SECONDS)
    raise SystemExit(NO_SPACE if shutil.disk_usage(OUT.parent).free < FULL else code)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
