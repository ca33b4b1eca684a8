"""Block volumes: sparse files, attached to machines as loop devices (machine.attach)."""

from __future__ import annotations

from pathlib import Path

from sandbox.process import SandboxError, as_owner, privileged, run


def create(path: Path, size_gb: int) -> None:
    """Create a sparse, blank volume of `size_gb` GiB (the cloud's "GB"), or grow an existing one.

    Raises SandboxError if it is larger: the cloud does not shrink volumes.
    """
    size = size_gb * 1024**3
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    as_owner(path)
    has = path.stat().st_size
    if has > size:
        raise SandboxError(f"volume {path.name} has {has // 1024**3} GB and cannot shrink to {size_gb} GB")
    with path.open("r+b") as file:
        file.truncate(size)
    for device in loop_devices(path):
        run(privileged(["losetup", "--set-capacity", device]))


def delete(path: Path) -> None:
    """Delete the volume if it exists. Raises SandboxError if a loop device uses it."""
    if devices := loop_devices(path):
        raise SandboxError(f"volume {path.name} is in use as {', '.join(devices)}; detach it first")
    path.unlink(missing_ok=True)


def loop_devices(path: Path) -> list[str]:
    """Return the loop devices of this file, such as /dev/loop0."""
    if not path.exists():
        return []
    listed = run(privileged(["losetup", "--noheadings", "--output", "NAME", "--associated", path])).stdout
    return listed.split()
