"""A control plane of the sandbox's OKE on the host's side: a podman container (inside: control_plane.py).

Its files, including etcd's data, are in cloud/machines/<name> and survive a restart.
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
    """Create the control plane and wait until its API is ready. Raises SandboxError if the name is taken or it does not start."""
    if engine.inspect_container(spec.name):
        raise SandboxError(f"cluster {spec.name} exists already")
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
        # Created here, because folders of the container would belong to root.
        (paths.CLOUD / shared).mkdir(parents=True, exist_ok=True)
    engine.podman(*_run_command(spec.name, own))
    wait_until_ready(spec.name)
    return ClusterState(True, own)


def wait_until_ready(name: str) -> None:
    """Wait until the API is ready. Raises SandboxError with the folder of the logs."""
    api = Api(folders.admin(name))
    wait_for(api.ready, f"an answer of cluster {name} (logs: {folders.of(name) / 'log'})", START_SECONDS)


def inspect(name: str) -> ClusterState | None:
    """Return the state of the control plane, or None if it does not exist."""
    found = engine.inspect_container(name)
    return ClusterState(bool(found["State"]["Running"]), address.of(name)) if found else None


def authority(name: str) -> bytes:
    """Return the CA certificate of the cluster's API."""
    return (folders.of(name) / "pki" / "ca.pem").read_bytes()


def remove(name: str) -> None:
    """Stop the control plane and delete it with its state, if it exists."""
    if engine.inspect_container(name):
        engine.podman("stop", "--time", str(STOP_SECONDS), name, check=False)
    engine.podman("rm", "--force", "--ignore", name)
    for mark in folders.attached(name).glob("*"):
        # Attachments end with the instances, as in the cloud; volumes stay.
        for device in volume.loop_devices(paths.CLOUD / "volumes" / f"{mark.name}.img"):
            run(privileged(["losetup", "--detach", device]), check=False)
    # The folder contains files of root.
    run(privileged(["rm", "-rf", folders.of(name)]))


def code() -> list[str | Path]:
    """Return mounts and environment that let the sandbox's code run in a container."""
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
    # Privileged, for loop devices of volumes and addresses of load balancers.
    command += ["--network", paths.NETWORK, "--ip", own, "--privileged"]
    command += [*code(), "--volume", f"{paths.CLOUD}:{paths.CLOUD}"]
    command += ["--volume", f"{folders.PUBLIC_KEY}:{folders.PUBLIC_KEY}:ro", "--tmpfs", "/run:notmpcopyup"]
    return [*command, IMAGE, paths.VENV / "bin" / "python", "-m", "sandbox.kubernetes.control_plane", name]
