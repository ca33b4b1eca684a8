"""Podman for the sandbox alone: own storage, own state, own configuration, so that the user's own podman is untouched.

Everything is in the folders of sandbox/paths.py; `reset` leaves no container, volume, network, mount or process of it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from sandbox import paths, volume
from sandbox.process import CommandError, SandboxError, privileged, run, write_if_changed

# What containers need at least; Debian's podman asks for 1048576 otherwise, which a process without CAP_SYS_RESOURCE may not.
OPEN_FILES = 10000


def _may_raise_limits() -> bool:
    wanted = "1048576:1048576"
    return run(privileged(["prlimit", f"--nofile={wanted}", "true"]), check=False).returncode == 0


def _cgroups_are_hybrid() -> bool:
    # cgroups(7): the unified hierarchy is mounted at the top where it is the only one, beside the others where it is not.
    return not Path("/sys/fs/cgroup/cgroup.controllers").exists()


def containers_conf(*, hybrid_cgroups: bool, may_raise_limits: bool, network_folder: Path | None = None) -> str:
    """containers.conf(5) for this host, or without `network_folder` for the podman inside a machine on this host.

    Both meet the same kernel: crun (Debian's default) refuses hybrid cgroups, and limits which may not be raised must not be asked for.
    """
    containers = ['log_driver = "k8s-file"'] if network_folder else []
    engine = []
    if hybrid_cgroups:
        engine.append('runtime = "runc"')
    if not may_raise_limits:
        limits = f'"nofile={OPEN_FILES}:{OPEN_FILES}", "nproc={OPEN_FILES}:{OPEN_FILES}"'
        containers.append(f"default_ulimits = [{limits}]")
    network = []
    if network_folder:
        # Without systemd nothing else works; with it, machines do not need their cgroups to be units of the host's.
        engine += ['cgroup_manager = "cgroupfs"', 'events_logger = "file"', 'lock_type = "file"']
        network.append(f'network_config_dir = "{network_folder}"')
    sections = {"containers": containers, "engine": engine, "network": network}
    return "".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items() if lines)


def nested_containers_conf() -> str:
    """The containers.conf for podman inside the machines of this host."""
    return containers_conf(hybrid_cgroups=_cgroups_are_hybrid(), may_raise_limits=_may_raise_limits())


def configure() -> None:
    """Write podman's configuration files. Has to have run once before `podman`; asks the kernel what it allows."""
    networks = paths.PODMAN / "networks"
    networks.mkdir(parents=True, exist_ok=True)
    conf = containers_conf(
        hybrid_cgroups=_cgroups_are_hybrid(), may_raise_limits=_may_raise_limits(), network_folder=networks
    )
    write_if_changed(paths.PODMAN / "containers.conf", conf)
    storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{paths.CONTAINERS}"\nrunroot = "{paths.RUNTIME}/storage"\n'
    write_if_changed(paths.PODMAN / "storage.conf", storage)
    write_if_changed(paths.PODMAN / "policy.json", json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))


def command(*args: str | Path) -> list[str]:
    """The whole command line of a podman call, for what has to run it in another way than `podman`."""
    environment: list[str | Path] = [
        f"CONTAINERS_CONF={paths.PODMAN / 'containers.conf'}",
        f"CONTAINERS_STORAGE_CONF={paths.PODMAN / 'storage.conf'}",
    ]
    root: list[str | Path] = [
        "--root",
        paths.CONTAINERS,
        "--runroot",
        paths.RUNTIME / "storage",
        "--tmpdir",
        paths.RUNTIME / "libpod",
    ]
    return privileged(["env", *environment, "podman", *root, *args])


def podman(
    *args: str | Path, stdin: str | bytes | None = None, check: bool = True, timeout: float | None = 600
) -> subprocess.CompletedProcess[str]:
    """Run podman on the sandbox's own storage. Raises CommandError, SandboxError as process.run does."""
    return run(command(*args), stdin=stdin, check=check, timeout=timeout)


def inspect_container(name: str) -> dict[str, Any] | None:
    """`podman container inspect`; None when there is no container of this name."""
    done = podman("container", "inspect", name, check=False)
    if done.returncode:
        if "no such container" in done.stderr.lower():
            return None
        raise CommandError(["podman", "container", "inspect", name], done.returncode, done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found[0]


def running(name: str) -> bool:
    """Does a container of this name run?"""
    found = inspect_container(name)
    return bool(found and found["State"]["Running"])


def runs_as(name: str, key: str) -> bool:
    """Does a container of this name run that was made with the label `key` of this value?"""
    found = inspect_container(name)
    return bool(found and found["State"]["Running"] and (found["Config"]["Labels"] or {}).get("key") == key)


def ensure_network() -> None:
    """Make the sandbox's network unless it is there. Containers reach the outside by NAT and the host's resolvers."""
    if podman("network", "exists", paths.NETWORK, check=False).returncode:
        subnet = ["--subnet", str(paths.SUBNET), "--gateway", paths.GATEWAY]
        # Machines find each other by address, as their outputs say; a resolver in between would only be another thing that runs.
        try:
            podman("network", "create", "--disable-dns", *subnet, paths.NETWORK)
        except CommandError as error:
            if "already used" not in error.output:
                raise
            raise SandboxError(
                f"the addresses {paths.SUBNET} are in use on this machine, by another sandbox perhaps: `make local-down` "
                "there, or set others here, such as SANDBOX_SUBNET=10.190.0.0/24"
            ) from None
        _amend_network()


def _amend_network() -> None:
    """Give the network's bridge a name of this sandbox's own: podman counts names up in its own folder only, and would share another's.

    Ubuntu 22.04's podman writes CNI files of a version which its plugins do not know (launchpad.net bug 2024394).
    """
    netavark, cni = (paths.PODMAN / "networks" / f"{paths.NETWORK}.{end}" for end in ("json", "conflist"))
    if netavark.exists():
        network = json.loads(netavark.read_text())
        write_if_changed(netavark, json.dumps({**network, "network_interface": paths.BRIDGE}))
    if cni.exists():
        network = json.loads(cni.read_text())
        plugins = [{**one, "bridge": paths.BRIDGE} if one["type"] == "bridge" else one for one in network["plugins"]]
        write_if_changed(cni, json.dumps({**network, "cniVersion": "0.4.0", "plugins": plugins}))


def reset() -> None:
    """Remove every container, volume, network, mount and loop device of the sandbox, and its run-time state. Images stay."""
    if (paths.PODMAN / "containers.conf").exists() and paths.CONTAINERS.exists():
        running_ones = podman("ps", "--quiet").stdout.split()
        if running_ones:
            podman("stop", "--time", "15", *running_ones, check=False)
        podman("rm", "--all", "--force")
        podman("volume", "prune", "--force")
        podman("network", "rm", "--force", paths.NETWORK, check=False)
        podman("image", "prune", "--force", check=False)
    held = {device for device, file in _loop_devices() if Path(file).is_relative_to(paths.HOME)}
    # The volume of a claim was attached in a container: of its path the kernel has only the part below that container's mount.
    for file in (paths.CLOUD / "volumes").glob("*.img"):
        held.update(volume.loop_devices(file))
    for device in sorted(held):
        run(privileged(["losetup", "--detach", device]), check=False)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if any(Path(mount).is_relative_to(folder) for folder in (paths.HOME, paths.RUNTIME)):
            run(privileged(["umount", "--lazy", mount]), check=False)
    run(privileged(["rm", "-rf", paths.RUNTIME]))


def _loop_devices() -> list[tuple[str, str]]:
    listed = run(privileged(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"])).stdout
    fields = [line.split(None, 1) for line in listed.splitlines()]
    return [(device, file.strip()) for device, file in fields]
