"""Handlers of the kernel's binfmt_misc: parse them and write their registration lines.

source: Linux, Documentation/admin-guide/binfmt-misc.rst.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """qemu: QEMU's name of an architecture; elf: e_machine in the header of its programs (source: elf(5), elf.h)."""

    qemu: str
    elf: int


MACHINES = {"amd64": Machine("x86_64", 62), "arm64": Machine("aarch64", 183)}
"""The keys are Debian's names of architectures, as in the image specification."""


@dataclass(frozen=True)
class Handler:
    """A registered handler. flags: such as "POF"; with F it also works in containers, which do not contain its program."""

    name: str
    enabled: bool
    flags: str
    offset: int
    magic: bytes
    mask: bytes

    def runs(self, architecture: str) -> bool:
        """Return whether the handler runs programs of the architecture."""
        start = _elf_start(architecture)[self.offset : self.offset + len(self.magic)]
        masked = zip(start, self.magic, self.mask or b"\xff" * len(self.magic), strict=False)
        return len(start) == len(self.magic) > 0 and all(byte & bits == wanted & bits for byte, wanted, bits in masked)


def parse_handler(name: str, text: str) -> Handler | None:
    """Parse a handler's file in binfmt_misc; return None for a handler of a file extension."""
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
    """Return the registration line of QEMU's file for systemd (binfmt.d(5)), with our name and the interpreter in `folder`.

    It adds the flag F: the kernel opens the interpreter now, because containers do not contain it.
    """
    [line] = [line for line in conf.splitlines() if line and line[0] not in "#;"]
    _, _, kind, offset, magic, mask, interpreter, flags = line.split(line[0])
    flags += "" if "F" in flags else "F"
    return ":".join(["", name, kind, offset, magic, mask, str(folder / Path(interpreter).name), flags])


def _elf_start(architecture: str) -> bytes:
    """Return the first 20 bytes of a program: 64 bits, little-endian, e_type ET_EXEC, e_machine."""
    return (
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        + (2).to_bytes(2, "little")
        + MACHINES[architecture].elf.to_bytes(2, "little")
    )
