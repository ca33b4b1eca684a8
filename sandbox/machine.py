"""A machine of the sandbox's cloud: a podman container with systemd, sshd, cloud-init and nested podman.

cloud/machines/<name>/ has its address, its security rules (nsg.nft) and its volumes (attachments). The folder is mounted read-only into
the machine, where sandbox-hypervisor applies it at every boot and after every change. After a reboot, podman restarts the container with
the same address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from sandbox import address, attachments, engine, firewall, paths, volume
from sandbox.firewall import FirewallRule
from sandbox.process import SandboxError, privileged, run, write_if_changed

__all__ = [
    "FirewallRule",
    "MachineSpec",
    "MachineState",
    "attach",
    "create",
    "detach",
    "inspect",
    "remove",
    "resize",
    "set_firewall",
]

# systemd stops its units in seconds. podman kills an app container that ignores its signal after 10 s (podman-stop(1)).
STOP_SECONDS = 60


@dataclass(frozen=True)
class MachineSpec:
    """The inputs of a machine.

    name: of the container; user_data: decoded cloud-init user data, may be empty; ssh_authorized_keys: as in instance metadata, one key a
    line; memory_gb: in GiB, like the cloud's GB.
    """

    name: str
    hostname: str
    user_data: bytes
    ssh_authorized_keys: str
    cpus: float
    memory_gb: float

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"{paths.MACHINE_PREFIX}[a-z0-9-]+", self.name):
            raise ValueError(f"name: {self.name!r} is not {paths.MACHINE_PREFIX}<letters, digits, hyphens>")
        if self.cpus <= 0 or self.memory_gb <= 0:
            raise ValueError("cpus and memory_gb: must be above 0")


@dataclass(frozen=True)
class MachineState:
    """address: on the sandbox's network; the instance's public IP."""

    running: bool
    address: str


def create(spec: MachineSpec) -> MachineState:
    """Create and start the machine, and return when systemd runs. cloud-init continues, as after the cloud's state RUNNING.

    Until set_firewall is called, all egress and no ingress is allowed. Raises SandboxError if the name is taken.
    """
    if engine.inspect_container(spec.name):
        raise SandboxError(f"machine {spec.name} exists already")
    remove(spec.name)
    state = paths.MACHINES / spec.name
    own_address = address.reserve(spec.name)
    _write_seed(state / "seed", spec)
    write_if_changed(state / "nsg.nft", firewall.nftables([], egress=False))
    write_if_changed(state / "attachments", "")
    engine.podman(*_run_command(spec.name, spec.hostname, paths.MACHINE_IMAGE, spec.cpus, spec.memory_gb))
    return MachineState(running=True, address=own_address)


def inspect(name: str) -> MachineState | None:
    """Return the state of the machine, or None if it does not exist."""
    found = engine.inspect_container(name)
    if found is None:
        return None
    return MachineState(running=bool(found["State"]["Running"]), address=address.of(name))


def remove(name: str) -> None:
    """Shut the machine down, detach its volumes and delete it with its storage, if it exists."""
    if engine.inspect_container(name):
        engine.podman("stop", "--time", str(STOP_SECONDS), name, check=False)
    engine.podman("rm", "--force", "--ignore", name, f"{name}-before")
    engine.podman("rmi", "--force", _disk(name), check=False)
    if engine.podman("volume", "exists", _storage(name), check=False).returncode == 0:
        engine.podman("volume", "rm", "--force", _storage(name))
    state = paths.MACHINES / name
    attachments.free_unfinished(state)
    for attachment in attachments.read(state):
        attachments.free(attachment)
    address.release(name)


def resize(name: str, cpus: float, memory_gb: float) -> None:
    """Change the shape of the machine, which reboots, as in the cloud. Raises SandboxError if it does not exist.

    podman cannot change the limits of a container permanently (`podman update` lasts until the next start). Therefore a new container
    continues with the disk of the old one.
    """
    _existing(name)
    found = engine.inspect_container(name)
    if found is None:
        raise SandboxError(f"machine {name} does not exist")
    before = f"{name}-before"
    # It exists if a resize was killed at its end.
    engine.podman("rm", "--force", "--ignore", before)
    engine.podman("stop", "--time", str(STOP_SECONDS), name)
    engine.podman("commit", "--quiet", name, _disk(name))
    engine.podman("rename", name, before)
    engine.podman(*_run_command(name, found["Config"]["Hostname"], _disk(name), cpus, memory_gb))
    engine.podman("rm", "--force", before)


def set_firewall(name: str, rules: Sequence[FirewallRule]) -> None:
    """Replace the security rules; established connections stay. Raises SandboxError if the machine does not exist."""
    _existing(name)
    write_if_changed(paths.MACHINES / name / "nsg.nft", firewall.nftables(rules))
    _apply(name)


def attach(name: str, device: str, image: Path) -> None:
    """Attach the volume `image` (volume.create) as `device`, a path under /dev/, now and after reboots, unless it is attached.

    Raises SandboxError if machine or volume do not exist, or if device or volume are in use.
    """
    state = _existing(name)
    short = attachments.device_name(device)
    if not image.is_file():
        raise SandboxError(f"volume {image} does not exist")
    with address.locked():
        attachments.free_unfinished(state)
        existing = attachments.read(state)
        loops = volume.loop_devices(image)
        same = [one for one in existing if one.device == short]
        if same and (same[0].image != image or f"/dev/loop{same[0].loop}" not in loops):
            raise SandboxError(f"{same[0].image} uses {device} of {name}")
        if not same:
            if loops:
                raise SandboxError(f"volume {image.name} is attached already ({', '.join(loops)})")
            write_if_changed(state / "attaching", str(image))
            loop = run(privileged(["losetup", "--find", "--show", image])).stdout.strip()
            attachments.write(
                state, [*existing, attachments.Attachment(short, int(loop.removeprefix("/dev/loop")), image)]
            )
            (state / "attaching").unlink()
    _apply(name)


def detach(name: str, device: str) -> None:
    """Detach the volume, even if the machine uses it. Does nothing if machine or attachment do not exist."""
    state = paths.MACHINES / name
    short = attachments.device_name(device)
    with address.locked():
        attachments.free_unfinished(state)
    found = [one for one in attachments.read(state) if one.device == short]
    if not found:
        return
    engine.podman("exec", name, "sandbox-hypervisor", "release", short, check=False)
    attachments.free(found[0])
    with address.locked():
        attachments.write(state, [one for one in attachments.read(state) if one.device != short])
    _apply(name)


def names() -> list[str]:
    """Return the names of all machines."""
    listed = engine.podman("ps", "--all", "--format", "{{.Names}}", "--filter", f"name=^{paths.MACHINE_PREFIX}").stdout
    return listed.split()


def start_all() -> None:
    """Start the stopped machines with their volumes after a restart of the host."""
    for name in names():
        current = inspect(name)
        if current and not current.running:
            state = paths.MACHINES / name
            with address.locked():
                attachments.write(state, [attachments.looped(one) for one in attachments.read(state)])
            engine.podman("start", name)


def _run_command(name: str, hostname: str, image: str, cpus: float, memory_gb: float) -> list[str | Path]:
    state = paths.MACHINES / name
    certificates = f"/etc/containers/certs.d/{paths.REGISTRY_ADDRESS}/ca.crt"
    mounts = [
        # Overlay storage of nested podman cannot be on the overlay of this container.
        f"{_storage(name)}:/var/lib/containers",
        f"{state}:/var/lib/hypervisor:ro",
        f"{state / 'seed'}:/var/lib/cloud/seed/nocloud:ro",
        f"{paths.REGISTRY / 'tls' / 'ca.pem'}:{certificates}:ro",
    ]
    command: list[str | Path] = ["run", "--detach", "--name", name, "--hostname", hostname, "--restart", "always"]
    command += ["--network", paths.NETWORK, "--ip", address.of(name)]
    command += ["--privileged", "--systemd", "always"]
    # podman refuses more processors than the host has.
    command += ["--cpus", f"{min(cpus, os.cpu_count() or 1):g}", "--memory", f"{int(memory_gb * 1024)}m"]
    command += [word for mount in mounts for word in ("--volume", mount)]
    return [*command, image, "/usr/local/sbin/sandbox-init"]


def _write_seed(seed: Path, spec: MachineSpec) -> None:
    """Write the NoCloud seed (source: cloud-init documentation, "NoCloud")."""
    keys = [line.strip() for line in spec.ssh_authorized_keys.splitlines() if line.strip()]
    metadata = {"instance-id": spec.name, "local-hostname": spec.hostname, "public-keys": keys}
    write_if_changed(seed / "meta-data", yaml.safe_dump(metadata))
    write_if_changed(seed / "user-data", spec.user_data or b"#cloud-config\n{}\n", 0o600)


def _existing(name: str) -> Path:
    state = paths.MACHINES / name
    if not (state / "address").exists():
        raise SandboxError(f"machine {name} does not exist")
    return state


def _storage(name: str) -> str:
    return f"{name}-containers"


def _disk(name: str) -> str:
    return f"localhost/{name}"


def _apply(name: str) -> None:
    """Make a running machine apply its files now. Other machines apply them at boot."""
    done = engine.podman("exec", name, "sandbox-hypervisor", "apply", check=False)
    current = inspect(name) if done.returncode else None
    if current and current.running and "can only create exec sessions" not in done.stderr:
        raise SandboxError(f"{name} could not apply its security rules or volumes: {done.stderr.strip()}")
