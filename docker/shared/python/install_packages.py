"""Installs an app's locked packages for all platforms of the build: install_packages.py <requirements.txt> ….

Runs in the first stage, on the platform that builds. It runs nothing of another platform: uv unpacks wheels for any. /out/common gets what
is equal on all platforms (most files, all byte code), so that it is compiled, compressed and pushed once. /out/<architecture> gets the
rest. The last stage copies both to /.

Environment: PLATFORMS ("linux/amd64,linux/arm64"), BASE_IMAGE (for messages). Exit codes: sysexits.h, which specs/build_errors.py explains.
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
# Free bytes below which the disk is the reason of a failure, whatever the step prints.
FULL = 16 * 2**20
LINGER_SECONDS = 3
# Architecture to uv's name of the platform. Oracle Linux 8 has glibc 2.28.
UV_PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
# Trusted certificates of Debian and Ubuntu, of Oracle Linux, of other systems.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    ssl.get_default_verify_paths().cafile,
)
# The build secret of `caBundleFile`.
CA_BUNDLE = Path("/run/secrets/ca-bundle")


def main(locks: list[Path]) -> None:
    """Fill /out, or exit with an error about the base, the platforms or the packages."""
    architectures = wanted(os.environ["PLATFORMS"])
    # The base's Python makes it, and has the same path on the other platform. Its scripts start with /opt/app/bin/python.
    virtual_environment(APP, with_pip=False)
    roots = {one: OUT / one for one in architectures}
    with trust() as environment:
        install_uv(environment)
        # In parallel: one downloads while the other unpacks. uv's cache allows it.
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
            os.EX_DATAERR,
            f"platforms: no packages are locked for linux/{unknown}",
            "pulumi config set --path 'platforms[0]' linux/arm64",
        )
    return architectures


@contextmanager
def trust() -> Iterator[dict[str, str]]:
    """The environment of pip and uv. It replaces their own certificates with those of the base and of `caBundleFile`."""
    of_base = next((Path(file) for file in BUNDLES if file and Path(file).is_file()), None)
    trusted = [file for file in (of_base, CA_BUNDLE) if file and file.is_file()]
    if not trusted:
        fail(
            os.EX_UNAVAILABLE,
            f"baseImage: {os.environ['BASE_IMAGE']} has no CA certificates",
            "pulumi config set caBundleFile <file>",
        )
    # Deleted before the step ends, so it is in no layer.
    with tempfile.NamedTemporaryFile(suffix=".pem") as bundle:
        bundle.write(b"\n".join(file.read_bytes() for file in trusted))
        bundle.flush()
        yield {**os.environ, "SSL_CERT_FILE": bundle.name, "PIP_CERT": bundle.name, "PIP_NO_CACHE_DIR": "1"}


def virtual_environment(folder: Path, with_pip: bool) -> None:
    """Make a virtual environment with the base's Python. Debian has a package of its own for this."""
    try:
        venv.create(folder, with_pip=with_pip, symlinks=True)
    except (ImportError, subprocess.CalledProcessError):
        fail(
            os.EX_CONFIG,
            f"baseImage: the Python of {os.environ['BASE_IMAGE']} cannot make a virtual environment (Debian: python3-venv)",
            "pulumi config set baseImage ghcr.io/oracle/oraclelinux9-python:3.12",
        )


def install_uv(environment: dict[str, str]) -> None:
    """Install uv for this stage."""
    virtual_environment(UV, with_pip=True)
    lock = Path(__file__).with_name("build-requirements.txt")
    pip: list[str | Path] = [UV / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run([*pip, "--only-binary", ":all:", "--require-hashes", "-r", lock], environment, "uv cannot be installed")


def install(architecture: str, root: Path, locks: Iterable[Path], environment: dict[str, str]) -> None:
    """Install the packages below `root` for one architecture."""
    prefix = root / APP.relative_to("/")
    prefix.mkdir(parents=True)
    # As in a virtual environment. Without it, Oracle Linux puts packages with machine code into a second folder.
    (prefix / "lib64").symlink_to("lib")
    command: list[str | Path] = [UV / "bin/uv", "pip", "install", "--no-config", "--no-progress", "--link-mode", "copy"]
    command += ["--python", APP / "bin/python", "--prefix", prefix, "--python-platform", UV_PLATFORMS[architecture]]
    command += ["--only-binary", ":all:", "--require-hashes"]
    for lock in locks:
        # uv warns about an empty file, and the list of extra packages often is one.
        command += ["-r", lock] if lock.stat().st_size else []
    run(
        command,
        environment,
        f"the packages cannot be installed for linux/{architecture}; the lines above name them and the reason",
    )


def share(roots: list[Path]) -> None:
    """Move what is equal in all `roots` to `common`; remove empty folders."""
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
    """The hashes of files below `root`, from the packages' records (source: PyPA, "Recording installed projects")."""
    hashes = {}
    for record in root.glob("opt/app/lib/python3*/site-packages/*.dist-info/RECORD"):
        packages = record.parents[1]
        with record.open(newline="") as lines:
            for path, of_file, _ in csv.reader(lines):
                if of_file:
                    hashes[Path(os.path.normpath(packages / path)).relative_to(root)] = of_file
    return hashes


def same(one: Path, other: Path, hashes: set[str]) -> bool:
    """Whether both files or links have the same content and mode. `hashes`: the recorded ones, "" for none; they save reading the files,
    9 of this script's 47 s.
    """
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if not other.is_file() or one.stat().st_mode != other.stat().st_mode:
        return False
    if "" not in hashes:
        return len(hashes) == 1
    return filecmp.cmp(one, other, shallow=False)


def compile_packages(tree: Path) -> None:
    """Byte-compile what is in `tree`, to the same bytes in every run.

    The byte code depends on what the process compiled before (source: CPython issue 78274, marshal's reference flags), so each package has
    a process of its own. Unchecked: the byte code stays valid when the times of the sources change on their way into an image. Packages
    may hold Python code for other versions, so failures are ignored.
    """
    command: list[str | Path] = [APP / "bin/python", "-m", "compileall", "-qq", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", tree, "-p", "/", "-x", "/tests/"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    packages = sorted(tree.glob("opt/app/lib/python3*/site-packages/*"))
    sources = [path for path in packages if path.is_dir() or path.suffix == ".py"]
    # The largest first, so that nothing waits for it at the end.
    sources.sort(key=lambda path: -sum(1 for _ in path.rglob("*.py")))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: subprocess.run([*command, path], env=environment, check=False), sources))


def run(command: list[str | Path], environment: dict[str, str], problem: str) -> None:
    """Run pip or uv; exit with `problem` if it fails. uv's status is 1 if a locked package does not exist for the platform, and 2
    for anything else, which mostly is the network (uv 0.13.9).
    """
    status = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    if status:
        fail(os.EX_DATAERR if status == 1 and command[0] == UV / "bin/uv" else os.EX_UNAVAILABLE, problem)


def fail(code: int, problem: str, command: str = "") -> NoReturn:
    """Exit with an error and the command that fixes it."""
    print(f"error: {problem}" + (f"\n    {command}" if command else ""), file=sys.stderr, flush=True)
    # pulumi-docker-build 0.0.22 sometimes loses the last lines of a step.
    time.sleep(LINGER_SECONDS)
    raise SystemExit(os.EX_IOERR if shutil.disk_usage(OUT.parent).free < FULL else code)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
