"""Runs programs of the other platform on this host: registers QEMU with binfmt_misc for the duration of a context.

QEMU's Debian package is unpacked into the sandbox's folder. Installing it would register handlers on the host permanently. At its end, a
context undoes its own mounts and registrations. Handlers of others are used and not changed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import binfmt, distribution, paths
from sandbox.process import CommandError, SandboxError, privileged, run, write_if_changed

BINFMT_MISC = Path("/proc/sys/fs/binfmt_misc")
FOLDER = paths.HOME / "emulator"
# Debian 12 and Ubuntu have static programs in the first package. From Debian 13 on, it is empty and all programs are static.
PACKAGES = (("qemu-user-static",), ("qemu-user", "qemu-user-binfmt"))
PREFIX = "sandbox-"
LOCK = Path("/run/lock")
LOCK_SECONDS = 3600


def foreign() -> str:
    """Return the other one of the two architectures."""
    return "amd64" if distribution.this().architecture == "arm64" else "arm64"


@contextmanager
def emulation(architecture: str | None = None) -> Iterator[None]:
    """Let this host and its containers run programs of the architecture, by default the foreign one.

    Raises SandboxError without root, without binfmt_misc in the kernel, or without a QEMU package. Waits until no process is in
    `without_emulation`.
    """
    architecture = architecture or foreign()
    _check_privilege()
    line = _registration(architecture)
    with _locked(fcntl.LOCK_SH), _mounted():
        _remove_stale()
        if any(one.enabled and "F" in one.flags and one.runs(architecture) for one in _foreigners()):
            yield
            return
        if "disabled" in (BINFMT_MISC / "status").read_text():
            raise SandboxError(f"binfmt_misc is disabled; enable it as root with: echo 1 > {BINFMT_MISC}/status")
        # The kernel tries the newest handler first, so others that are disabled or miss the flag F do not matter.
        _write(BINFMT_MISC / "register", line)
        try:
            yield
        finally:
            _write(BINFMT_MISC / _name(architecture), "-1")


@contextmanager
def without_emulation() -> Iterator[None]:
    """Disable all handlers of the foreign architecture.

    Raises SandboxError without root. Waits until no process is in `emulation`.
    """
    _check_privilege()
    with _locked(fcntl.LOCK_EX):
        if not _supported():
            # Without binfmt_misc, the kernel emulates nothing.
            yield
            return
        with _mounted():
            disabled = [one for one in handlers() if one.enabled and one.runs(foreign())]
            try:
                for one in disabled:
                    _write(BINFMT_MISC / one.name, "0")
                yield
            finally:
                for one in disabled:
                    if (BINFMT_MISC / one.name).exists():
                        _write(BINFMT_MISC / one.name, "1")


def handlers() -> list[binfmt.Handler]:
    """Return all handlers with magic numbers. binfmt_misc has to be mounted."""
    files = (file for file in sorted(BINFMT_MISC.iterdir()) if file.name not in ("register", "status"))
    found = (binfmt.parse_handler(file.name, file.read_text()) for file in files)
    return [one for one in found if one]


def _name(architecture: str) -> str:
    return f"{PREFIX}{os.getpid()}-{architecture}"


def _foreigners() -> list[binfmt.Handler]:
    """Return the handlers that no sandbox registered."""
    return [one for one in handlers() if not one.name.startswith(PREFIX)]


def _remove_stale() -> None:
    """Remove handlers of killed processes."""
    for one in handlers():
        found = re.fullmatch(rf"{PREFIX}(\d+)-\w+", one.name)
        if found and not Path("/proc", found[1]).exists():
            _write(BINFMT_MISC / one.name, "-1")


def _registration(architecture: str) -> str:
    """Return the line that registers QEMU for the architecture; unpack QEMU if necessary."""
    conf = FOLDER / f"qemu-{binfmt.MACHINES[architecture].qemu}.conf"
    if not conf.exists():
        _unpack(conf)
    return binfmt.registration_line(conf.read_text(), _name(architecture), FOLDER)


def _unpack(conf: Path) -> None:
    """Put QEMU's program for one architecture and its file for systemd into FOLDER."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as temporary:
        folder, found = Path(temporary), Path(temporary) / "usr/lib/binfmt.d" / conf.name
        for packages in PACKAGES:
            _download(packages, folder)
            if found.exists():
                break
        else:
            raise SandboxError(f"{distribution.this().codename} has no QEMU package with {conf.name}")
        interpreter = binfmt.registration_line(found.read_text(), "", Path("/")).split(":")[6]
        # The name has to end with -P: then QEMU expects argv[0] (source: Debian's patch to qemu's linux-user/main.c).
        [program] = folder.glob(f"usr/libexec/qemu-binfmt/{Path(interpreter).name}")
        shutil.copy(program, FOLDER)
        # Written last: if it exists, all files exist.
        write_if_changed(conf, found.read_text())


def _download(packages: tuple[str, ...], folder: Path) -> None:
    """Unpack Debian packages into `folder` without running their scripts."""
    try:
        run(["apt-get", "download", "--quiet", *packages], cwd=folder, timeout=600)
    except CommandError:
        run(privileged(["apt-get", "update", "--quiet"]), check=False)
        run(["apt-get", "download", "--quiet", *packages], cwd=folder, timeout=600)
    for archive in folder.glob("*.deb"):
        run(["dpkg-deb", "--extract", archive, folder])
        archive.unlink()


def _check_privilege() -> None:
    if run(privileged(["true"]), check=False).returncode:
        raise SandboxError("registering QEMU needs root; run `sudo -v` first, or run this as root")


def _supported() -> bool:
    """Return whether the kernel has binfmt_misc, after loading its module."""
    if shutil.which("modprobe"):
        run(privileged(["modprobe", "--quiet", "binfmt_misc"]), check=False)
    return BINFMT_MISC.is_dir() and "binfmt_misc" in Path("/proc/filesystems").read_text()


@contextmanager
def _mounted() -> Iterator[None]:
    """Mount binfmt_misc for the duration of the context."""
    if not _supported():
        raise SandboxError("the kernel has no binfmt_misc, so it cannot run programs of other platforms")
    # systemd mounts it on access (proc-sys-fs-binfmt_misc.automount).
    if (BINFMT_MISC / "register").exists():
        yield
        return
    try:
        run(privileged(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT_MISC]))
    except CommandError as error:
        raise SandboxError(f"could not mount binfmt_misc; in a container it needs --privileged:\n{error}") from error
    try:
        yield
    finally:
        # Unmounting removes all handlers (Linux 6.7), so the mount stays if others have registered some.
        if not handlers():
            run(privileged(["umount", BINFMT_MISC]))


def _write(file: Path, value: str) -> None:
    # The kernel expects a registration in one write, without a newline.
    run(privileged(["tee", file]), stdin=value)


@contextmanager
def _locked(kind: int) -> Iterator[None]:
    """Lock the handlers, which belong to the host, against all sandboxes."""
    lock = os.open(LOCK, os.O_RDONLY)
    try:
        deadline, waiting = time.monotonic() + LOCK_SECONDS, False
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SandboxError(
                        f"another process uses QEMU on this host; find it with: fuser -v {LOCK}"
                    ) from None
                if not waiting:
                    print("  waiting for another run that uses QEMU on this host", file=sys.stderr, flush=True)
                    waiting = True
                time.sleep(1)
        yield
    finally:
        os.close(lock)
