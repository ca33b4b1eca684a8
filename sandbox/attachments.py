"""Block volumes of a machine: the file `attachments` in its folder, and their loop devices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import volume
from sandbox.process import SandboxError, privileged, run, wait_for, write_if_changed


@dataclass(frozen=True)
class Attachment:
    """A volume in a machine. device: without /dev/, such as "oracleoci/oraclevdb"; loop: N of /dev/loopN on the host; image: its file."""

    device: str
    loop: int
    image: Path


def looped(attachment: Attachment) -> Attachment:
    """Return the attachment with a loop device, which is created if necessary."""
    loops = volume.loop_devices(attachment.image) or [
        run(privileged(["losetup", "--find", "--show", attachment.image])).stdout.strip()
    ]
    return Attachment(attachment.device, int(loops[0].removeprefix("/dev/loop")), attachment.image)


def device_name(device: str) -> str:
    """Return the device without /dev/. Raises SandboxError for other paths than Oracle's."""
    if not re.fullmatch(r"/dev/oracleoci/oraclevd[b-z][a-g]?", device):
        raise SandboxError(f"device {device!r} is not a consistent device path such as /dev/oracleoci/oraclevdb")
    return device.removeprefix("/dev/")


def read(state: Path) -> list[Attachment]:
    """Return the attachments of the machine with this folder."""
    file = state / "attachments"
    lines = file.read_text().splitlines() if file.exists() else []
    fields = [line.split(" ", 2) for line in lines]
    return [Attachment(device, int(loop), Path(image)) for device, loop, image in fields]


def write(state: Path, attachments: Sequence[Attachment]) -> None:
    """Write the attachments for sandbox-hypervisor."""
    write_if_changed(state / "attachments", "".join(f"{one.device} {one.loop} {one.image}\n" for one in attachments))


def free_unfinished(state: Path) -> None:
    """Free the loop device of an attach that was killed before it recorded the device."""
    unfinished = state / "attaching"
    if not unfinished.exists():
        return
    image, known = Path(unfinished.read_text()), {one.loop for one in read(state)}
    for device in volume.loop_devices(image):
        loop = int(device.removeprefix("/dev/loop"))
        if loop not in known:
            free(Attachment("", loop, image))
    unfinished.unlink()


def free(attachment: Attachment) -> None:
    """Free the loop device. Raises SandboxError if it stays in use."""
    device = f"/dev/loop{attachment.loop}"
    if device not in volume.loop_devices(attachment.image):
        return
    run(privileged(["losetup", "--detach", device]), check=False)
    gone = f"release of {device} ({attachment.image.name})"
    wait_for(lambda: device not in volume.loop_devices(attachment.image), gone, 20)
