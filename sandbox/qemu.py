"""Programs of the other platform on this host: QEMU behind the kernel's binfmt_misc, for as long as a block of code lasts.

QEMU's Debian package is unpacked into the sandbox's folder, not installed: its installation would register handlers on the person's
machine for good. What a block mounts and registers is undone at its end; handlers of others are used, and left as they are.
(source: Linux, Documentation/admin-guide/binfmt-misc.rst)
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
from dataclasses import dataclass
from pathlib import Path

from sandbox import distribution, paths
from sandbox.process import CommandError, SandboxError, privileged, run, write_if_changed

BINFMT_MISC = Path("/proc/sys/fs/binfmt_misc")
FOLDER = paths.HOME / "emulator"
# Debian 12 and Ubuntu have the static programs in the first; from Debian 13 on that is empty, and all programs are static.
PACKAGES = (("qemu-user-static",), ("qemu-user", "qemu-user-binfmt"))
PREFIX = "sandbox-"
LOCK = Path("/run/lock")
LOCK_SECONDS = 3600


@dataclass(frozen=True)
class Machine:
    """qemu: its name for an architecture; elf: e_machine in the header of the architecture's programs (source: elf(5), elf.h)."""

    qemu: str
    elf: int


MACHINES = {"amd64": Machine("x86_64", 62), "arm64": Machine("aarch64", 183)}
"""By Debian's name of the architecture, which is also the image specification's."""


@dataclass(frozen=True)
class Handler:
    """One registered handler. flags: such as "POF", of which F makes it work within containers, where its program is not."""

    name: str
    enabled: bool
    flags: str
    offset: int
    magic: bytes
    mask: bytes

    def runs(self, architecture: str) -> bool:
        """Is it for the architecture's programs?"""
        start = _elf_start(architecture)[self.offset : self.offset + len(self.magic)]
        masked = zip(start, self.magic, self.mask or b"\xff" * len(self.magic), strict=False)
        return len(start) == len(self.magic) > 0 and all(byte & bits == wanted & bits for byte, wanted, bits in masked)


def foreign() -> str:
    """The architecture of the two which this host's is not."""
    return "amd64" if distribution.this().architecture == "arm64" else "arm64"


@contextmanager
def emulation(architecture: str | None = None) -> Iterator[None]:
    """Programs of the architecture, by default the foreign one, run on this host and in its containers.

    Raises SandboxError where the machine cannot: no root, no binfmt_misc in its kernel, no package of QEMU. Not within
    `without_emulation`, in whichever process: it waits for that to end.
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
            raise SandboxError(f"binfmt_misc is switched off on this machine; as root: echo 1 > {BINFMT_MISC}/status")
        # The kernel asks the newest first: it goes before one of others that is disabled or does not work in containers.
        _write(BINFMT_MISC / "register", line)
        try:
            yield
        finally:
            _write(BINFMT_MISC / _name(architecture), "-1")


@contextmanager
def without_emulation() -> Iterator[None]:
    """No program of a foreign architecture runs on this host: handlers for them are disabled meanwhile, whoever registered them.

    Raises SandboxError without root. Waits for every `emulation` to end, in whichever process.
    """
    _check_privilege()
    with _locked(fcntl.LOCK_EX):
        if not _known():
            # A kernel without binfmt_misc emulates nothing.
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


def handlers() -> list[Handler]:
    """All that are registered by magic numbers. binfmt_misc has to be mounted."""
    files = (file for file in sorted(BINFMT_MISC.iterdir()) if file.name not in ("register", "status"))
    found = (parse_handler(file.name, file.read_text()) for file in files)
    return [one for one in found if one]


def parse_handler(name: str, text: str) -> Handler | None:
    """A handler's file in binfmt_misc; None for one that goes by a file's extension."""
    enabled, *rest = text.splitlines()
    fields = dict(line.partition(" ")[::2] for line in rest)
    if "magic" not in fields:
        return None
    return Handler(
        name=name,
        enabled=enabled == "enabled",
        flags=fields.get("flags:", ""),
        offset=int(fields["offset"]),
        magic=bytes.fromhex(fields["magic"]),
        mask=bytes.fromhex(fields.get("mask", "")),
    )


def registration_line(conf: str, name: str, folder: Path) -> str:
    """The line to register, of the file that QEMU's package has for systemd (binfmt.d(5)): with a name of the sandbox's own, the
    interpreter in `folder`, and the flag F, by which the kernel opens the interpreter now and not when, in a container, it is missing.
    """
    [line] = [line for line in conf.splitlines() if line and line[0] not in "#;"]
    _, _, kind, offset, magic, mask, interpreter, flags = line.split(line[0])
    flags += "" if "F" in flags else "F"
    return ":".join(["", name, kind, offset, magic, mask, str(folder / Path(interpreter).name), flags])


def _name(architecture: str) -> str:
    return f"{PREFIX}{os.getpid()}-{architecture}"


def _foreigners() -> list[Handler]:
    """Handlers that are not of a sandbox: those go with the block that registered them."""
    return [one for one in handlers() if not one.name.startswith(PREFIX)]


def _remove_stale() -> None:
    """What a sandbox's process that was killed could not take back."""
    for one in handlers():
        found = re.fullmatch(rf"{PREFIX}(\d+)-\w+", one.name)
        if found and not Path("/proc", found[1]).exists():
            _write(BINFMT_MISC / one.name, "-1")


def _elf_start(architecture: str) -> bytes:
    """The first 20 bytes of a program: 64 bits, little-endian, e_type ET_EXEC, e_machine."""
    return (
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        + (2).to_bytes(2, "little")
        + MACHINES[architecture].elf.to_bytes(2, "little")
    )


def _registration(architecture: str) -> str:
    """The line that registers QEMU for the architecture; unpacks QEMU where it is not yet."""
    conf = FOLDER / f"qemu-{MACHINES[architecture].qemu}.conf"
    if not conf.exists():
        _unpack(conf)
    return registration_line(conf.read_text(), _name(architecture), FOLDER)


def _unpack(conf: Path) -> None:
    """Put QEMU's program for one architecture, and the file which says for what it is to be registered, into FOLDER."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as temporary:
        folder, found = Path(temporary), Path(temporary) / "usr/lib/binfmt.d" / conf.name
        for packages in PACKAGES:
            _download(packages, folder)
            if found.exists():
                break
        else:
            raise SandboxError(f"{distribution.this().codename} has no package of QEMU with {conf.name}")
        interpreter = registration_line(found.read_text(), "", Path("/")).split(":")[6]
        # Under the very name: by its end, -P, QEMU knows that it is told argv[0] (source: Debian's patch to qemu's linux-user/main.c).
        [program] = folder.glob(f"usr/libexec/qemu-binfmt/{Path(interpreter).name}")
        shutil.copy(program, FOLDER)
        # Last: where it is, all is.
        write_if_changed(conf, found.read_text())


def _download(packages: tuple[str, ...], folder: Path) -> None:
    """Unpack Debian packages into `folder`; nothing of them is run."""
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
        raise SandboxError("to register an emulator needs root: run `sudo -v` first, or this as root")


def _known() -> bool:
    """Has the kernel binfmt_misc, as a module perhaps?"""
    if shutil.which("modprobe"):
        run(privileged(["modprobe", "--quiet", "binfmt_misc"]), check=False)
    return BINFMT_MISC.is_dir() and "binfmt_misc" in Path("/proc/filesystems").read_text()


@contextmanager
def _mounted() -> Iterator[None]:
    """binfmt_misc is mounted, and is not afterwards where it was not before."""
    if not _known():
        raise SandboxError(
            "this machine's kernel has no binfmt_misc, without which it runs no programs of other platforms"
        )
    # Looking into the folder makes systemd mount it, where systemd does (proc-sys-fs-binfmt_misc.automount).
    if (BINFMT_MISC / "register").exists():
        yield
        return
    try:
        run(privileged(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT_MISC]))
    except CommandError as error:
        raise SandboxError(
            f"binfmt_misc cannot be mounted; in a container, that needs --privileged:\n{error}"
        ) from error
    try:
        yield
    finally:
        # With the mount the handlers go (Linux 6.7), so it stays for those that others have registered meanwhile.
        if not handlers():
            run(privileged(["umount", BINFMT_MISC]))


def _write(file: Path, value: str) -> None:
    # The kernel takes a registration from one write alone, without a line's end.
    run(privileged(["tee", file]), stdin=value)


@contextmanager
def _locked(kind: int) -> Iterator[None]:
    """Handlers are the host's: who needs one and who must have none wait for each other, whichever sandbox they are of."""
    lock = os.open(LOCK, os.O_RDONLY)
    try:
        deadline, told = time.monotonic() + LOCK_SECONDS, False
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SandboxError(
                        "another process keeps the emulation of other platforms as it is; which: fuser -v " + str(LOCK)
                    ) from None
                if not told:
                    print(
                        "  another run needs this host's emulation as it is; waiting for it",
                        file=sys.stderr,
                        flush=True,
                    )
                    told = True
                time.sleep(1)
        yield
    finally:
        os.close(lock)
