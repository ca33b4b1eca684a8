"""Podman with its own storage, state and configuration: the user's own podman is untouched.

Its files are in the folders of sandbox/paths.py. `reset` removes every container, volume, network, mount and process.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from sandbox import paths, volume
from sandbox.process import CommandError, SandboxError, privileged, run, write_if_changed

# Debian's podman asks for 1048576 by default, which needs CAP_SYS_RESOURCE.
OPEN_FILES = 10000


def _may_raise_limits() -> bool:
    wanted = "1048576:1048576"
    return run(privileged(["prlimit", f"--nofile={wanted}", "true"]), check=False).returncode == 0


def _cgroups_are_hybrid() -> bool:
    # cgroups(7): in hybrid mode, the unified hierarchy is not mounted at the top.
    return not Path("/sys/fs/cgroup/cgroup.controllers").exists()


def containers_conf(*, hybrid_cgroups: bool, may_raise_limits: bool, network_folder: Path | None = None) -> str:
    """Return containers.conf(5) for this host; without `network_folder`, for podman inside a machine on this host.

    Both run on the same kernel. crun, Debian's default, refuses hybrid cgroups. podman must not ask for limits above those of the host.
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
        # These also work on hosts without systemd.
        engine += ['cgroup_manager = "cgroupfs"', 'events_logger = "file"', 'lock_type = "file"']
        network.append(f'network_config_dir = "{network_folder}"')
    sections = {"containers": containers, "engine": engine, "network": network}
    return "".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections.items() if lines)


def nested_containers_conf() -> str:
    """Return containers.conf for podman inside the machines of this host."""
    return containers_conf(hybrid_cgroups=_cgroups_are_hybrid(), may_raise_limits=_may_raise_limits())


def configure() -> None:
    """Write podman's configuration files, which `podman` needs, according to the kernel's limits."""
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
    """Return the command line of a podman call."""
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
    """Run podman on the sandbox's storage. Raises the errors of process.run."""
    return run(command(*args), stdin=stdin, check=check, timeout=timeout)


def inspect_container(name: str) -> dict[str, Any] | None:
    """Return the result of `podman container inspect`, or None if the container does not exist."""
    done = podman("container", "inspect", name, check=False)
    if done.returncode:
        if "no such container" in done.stderr.lower():
            return None
        raise CommandError(["podman", "container", "inspect", name], done.returncode, done.stderr)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found[0]


def running(name: str) -> bool:
    """Return whether the container runs."""
    found = inspect_container(name)
    return bool(found and found["State"]["Running"])


def runs_as(name: str, key: str) -> bool:
    """Return whether the container runs and has this value of the label `key`."""
    found = inspect_container(name)
    return bool(found and found["State"]["Running"] and (found["Config"]["Labels"] or {}).get("key") == key)


def ensure_network() -> None:
    """Create the sandbox's network unless it exists. Containers reach the outside through NAT and the host's resolvers."""
    if podman("network", "exists", paths.NETWORK, check=False).returncode:
        subnet = ["--subnet", str(paths.SUBNET), "--gateway", paths.GATEWAY]
        # Machines use addresses only, so podman's DNS server is not needed.
        try:
            podman("network", "create", "--disable-dns", *subnet, paths.NETWORK)
        except CommandError as error:
            if "already used" not in error.output:
                raise
            raise SandboxError(
                f"another network of this machine, perhaps another sandbox, uses {paths.SUBNET}. Run `make local-down` there, or "
                "choose other addresses here, such as SANDBOX_SUBNET=10.190.0.0/24"
            ) from None
        _amend_network()


def _amend_network() -> None:
    """Give the bridge a name that is unique to this sandbox: podman numbers bridges per storage, so two sandboxes would share one.

    podman of Ubuntu 22.04 also writes a CNI version that its plugins do not support (launchpad.net bug 2024394).
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
    """Remove every container, volume, network, mount and loop device of the sandbox. Images stay."""
    if (paths.PODMAN / "containers.conf").exists() and paths.CONTAINERS.exists():
        running_ones = podman("ps", "--quiet").stdout.split()
        if running_ones:
            podman("stop", "--time", "15", *running_ones, check=False)
        podman("rm", "--all", "--force")
        podman("volume", "prune", "--force")
        podman("network", "rm", "--force", paths.NETWORK, check=False)
        podman("image", "prune", "--force", check=False)
    held = {device for device, file in _loop_devices() if Path(file).is_relative_to(paths.HOME)}
    # Volumes of claims were attached inside a container, so the kernel lists them with a path of that container.
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
