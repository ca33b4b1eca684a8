"""A control plane of the sandbox's OKE, seen from the host: a podman container (inside: control_plane.py).

What it keeps is in cloud/machines/<name>, etcd's data as well, so that it comes back with everything after a restart.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict
from pathlib import Path

from sandbox import address, engine, paths, volume
from sandbox.kubernetes import folders, pki
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.image import IMAGE
from sandbox.kubernetes.specs import ClusterSpec, ClusterState
from sandbox.process import SandboxError, privileged, run, wait_for, write_if_changed

START_SECONDS = 90
STOP_SECONDS = 15


def create(spec: ClusterSpec) -> ClusterState:
    """Make and start the control plane; back when its API is ready. Raises SandboxError if the name is taken or it does not start."""
    if engine.inspect_container(spec.name):
        raise SandboxError(f"there is a cluster {spec.name} already")
    remove(spec.name)
    own, folder = address.reserve(spec.name), folders.of(spec.name)
    server, authority = f"https://{own}:{folders.PORT}", pki.Authority(folder / "pki")
    names = [
        own,
        "127.0.0.1",
        str(ipaddress.ip_network(spec.services)[1]),
        "kubernetes.default.svc",
        "kubernetes.default",
        "localhost",
    ]
    authority.issue(folder / "pki" / "apiserver", "kube-apiserver", "system:masters", names)
    pki.service_account_key(folder / "pki" / "service-accounts.pem")
    authority.kubeconfig(folders.admin(spec.name), server, "sandbox-operator", "system:masters")
    write_if_changed(folder / "spec.json", json.dumps({**asdict(spec), "address": own}))
    for shared in ("volumes", "resources/volume", "resources/loadbalancer"):
        # Before the container does, whose folders would be root's.
        (paths.CLOUD / shared).mkdir(parents=True, exist_ok=True)
    engine.podman(*_run_command(spec.name, own))
    wait_until_ready(spec.name)
    return ClusterState(True, own)


def wait_until_ready(name: str) -> None:
    """Back when the API says that it is ready. Raises SandboxError with where the logs are."""
    api = Api(folders.admin(name))
    wait_for(api.ready, f"an answer of cluster {name} (logs: {folders.of(name) / 'log'})", START_SECONDS)


def inspect(name: str) -> ClusterState | None:
    """What it is doing; None when there is none."""
    found = engine.inspect_container(name)
    return ClusterState(bool(found["State"]["Running"]), address.of(name)) if found else None


def authority(name: str) -> bytes:
    """The certificate to trust the cluster's API by."""
    return (folders.of(name) / "pki" / "ca.pem").read_bytes()


def remove(name: str) -> None:
    """Stop and delete the control plane with its state. Content when it is gone already."""
    if engine.inspect_container(name):
        engine.podman("stop", "--time", str(STOP_SECONDS), name, check=False)
    engine.podman("rm", "--force", "--ignore", name)
    for mark in folders.attached(name).glob("*"):
        # Attachments go with the instances, as in the cloud; the volumes stay.
        for device in volume.loop_devices(paths.CLOUD / "volumes" / f"{mark.name}.img"):
            run(privileged(["losetup", "--detach", device]), check=False)
    # Root's files lie in it, of whoever runs this.
    run(privileged(["rm", "-rf", folders.of(name)]))


def code() -> list[str | Path]:
    """The mounts and environment by which the sandbox's own code runs in a container as it does here."""
    mounts = [f"{folder}:{folder}:ro" for folder in (paths.ROOT / "sandbox", paths.VENV, paths.BIN)]
    variables = {
        "SANDBOX_HOME": paths.HOME,
        "SANDBOX_SUBNET": paths.SUBNET,
        "PYTHONPATH": paths.ROOT,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{paths.BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    words = [word for mount in mounts for word in ("--volume", mount)]
    return [*words, *(word for key, value in variables.items() for word in ("--env", f"{key}={value}"))]


def _run_command(name: str, own: str) -> list[str | Path]:
    command: list[str | Path] = ["run", "--detach", "--name", name, "--hostname", name, "--restart", "always"]
    # Loop devices for volumes, addresses for load balancers.
    command += ["--network", paths.NETWORK, "--ip", own, "--privileged"]
    command += [*code(), "--volume", f"{paths.CLOUD}:{paths.CLOUD}"]
    command += ["--volume", f"{folders.PUBLIC_KEY}:{folders.PUBLIC_KEY}:ro", "--tmpfs", "/run:notmpcopyup"]
    return [*command, IMAGE, paths.VENV / "bin" / "python", "-m", "sandbox.kubernetes.control_plane", name]
