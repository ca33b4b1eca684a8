"""Registration of QEMU with the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import binfmt

# From Debian's qemu-user-static 7.2 and qemu-user 10.0.
AARCH64 = (
    r":qemu-aarch64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    ":/usr/libexec/qemu-binfmt/aarch64-binfmt-P:OPF\n"
)
# The kernel's view of the registration.
REGISTERED = """\
enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
X86_64 = """\
disabled
interpreter /usr/bin/qemu-x86_64-static
flags: OC
offset 0
magic 7f454c4602010100000000000000000002003e00
mask fffffffffffefefcfffffffffffffffffeffffff
"""
BY_EXTENSION = "enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n"


def handler(text: str) -> binfmt.Handler:
    found = binfmt.parse_handler("one", text)
    assert found is not None
    return found


def test_registration_uses_the_sandbox_folder_and_its_own_name() -> None:
    fields = binfmt.registration_line(AARCH64, "sandbox-7-arm64", Path("/home/me/.sandbox/emulator")).split(":")
    assert fields[1] == "sandbox-7-arm64"
    assert fields[6] == "/home/me/.sandbox/emulator/aarch64-binfmt-P"
    assert fields[2:6] == AARCH64.split(":")[2:6]
    assert fields[7] == "OPF"


def test_registration_opens_the_interpreter_immediately() -> None:
    assert binfmt.registration_line(AARCH64.replace("OPF", "OP"), "name", Path("/folder")).endswith(":OPF")


def test_registration_ignores_comments() -> None:
    commented = f"# made by qemu\n; too\n\n{AARCH64}"
    assert binfmt.registration_line(commented, "n", Path("/")) == binfmt.registration_line(AARCH64, "n", Path("/"))


def test_handler_runs_the_architecture_of_its_magic_number() -> None:
    arm, intel = handler(REGISTERED), handler(X86_64)
    assert (arm.runs("arm64"), arm.runs("amd64")) == (True, False)
    assert (intel.runs("arm64"), intel.runs("amd64")) == (False, True)


def test_handler_has_state_and_flags() -> None:
    arm, intel = handler(REGISTERED), handler(X86_64)
    assert (arm.enabled, "F" in arm.flags) == (True, True)
    assert (intel.enabled, "F" in intel.flags) == (False, False)


@pytest.mark.parametrize("architecture", binfmt.MACHINES)
def test_script_handler_runs_no_architecture(architecture: str) -> None:
    text = "enabled\ninterpreter /usr/bin/python3\nflags: \noffset 0\nmagic 420d0d0a\n"
    assert not handler(text).runs(architecture)


def test_extension_handler_has_no_architecture() -> None:
    assert binfmt.parse_handler("wine", BY_EXTENSION) is None


def test_handler_with_a_distant_magic_runs_no_architecture() -> None:
    assert not handler(REGISTERED.replace("offset 0", "offset 64")).runs("arm64")
