"""A node of the sandbox's OKE on the host's side: a podman container (inside: worker.py).

Its images and its kubelet's folder are on a podman volume and survive a restart.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from dataclasses import asdict
from pathlib import Path

from sandbox import address, engine, paths
from sandbox.kubernetes import bootstrap, cluster, folders, pki
from sandbox.kubernetes.api import Api, ApiError
from sandbox.kubernetes.image import IMAGE
from sandbox.kubernetes.specs import NodeSpec, NodeState
from sandbox.process import SandboxError, privileged, run, wait_for, write_if_changed

READY_SECONDS = 180
STOP_SECONDS = 20


def create(spec: NodeSpec) -> NodeState:
    """Create the node and wait until Kubernetes reports it as ready. Raises SandboxError if that takes too long."""
    if engine.inspect_container(spec.name):
        raise SandboxError(f"node {spec.name} exists already")
    own, folder = address.reserve(spec.name), folders.of(spec.name)
    server = f"https://{address.of(spec.cluster)}:{folders.PORT}"
    authority = pki.Authority(folders.of(spec.cluster) / "pki")
    write_if_changed(folder / "pki" / "ca.pem", authority.pem)
    authority.issue(folder / "pki" / "kubelet", f"system:node:{own}", "system:nodes", [own])
    authority.kubeconfig(folder / "kubelet.conf", server, f"system:node:{own}", "system:nodes")
    authority.kubeconfig(folder / "kube-proxy.conf", server, "system:kube-proxy")
    authority.kubeconfig(folder / "agent.conf", server, f"sandbox:node-agent:{own}", bootstrap.NODE_AGENTS)
    write_if_changed(folder / "spec.json", json.dumps({**asdict(spec), "address": own}))
    engine.podman(*_run_command(spec, own))
    wait_until_ready(spec.cluster, spec.name)
    return NodeState(True, own)


def wait_until_ready(cluster_name: str, name: str) -> None:
    """Wait until Kubernetes reports the node as ready."""
    api, own = Api(folders.admin(cluster_name)), address.of(name)

    def ready() -> bool:
        try:
            conditions = api.get(f"/api/v1/nodes/{own}")["status"].get("conditions") or []
        except (ApiError, OSError):
            return False
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    wait_for(ready, f"node {own} becoming ready (logs: {folders.of(name) / 'log'})", READY_SECONDS)


def inspect(name: str) -> NodeState | None:
    """Return the state of the node, or None if it does not exist."""
    found = engine.inspect_container(name)
    return NodeState(bool(found["State"]["Running"]), address.of(name)) if found else None


def restart(name: str) -> None:
    """Reboot the node."""
    engine.podman("restart", "--time", str(STOP_SECONDS), name)


def remove(name: str, cluster_name: str = "") -> None:
    """Stop the node, delete it with its storage, and remove it from its cluster if that still answers."""
    own = address.of(name)
    if engine.inspect_container(name):
        engine.podman("stop", "--time", str(STOP_SECONDS), name, check=False)
    engine.podman("rm", "--force", "--ignore", name)
    if engine.podman("volume", "exists", _storage(name), check=False).returncode == 0:
        engine.podman("volume", "rm", "--force", _storage(name))
    if own and cluster_name and folders.admin(cluster_name).exists():
        # The cluster may be stopping too.
        with contextlib.suppress(ApiError, OSError):
            Api(folders.admin(cluster_name)).delete(f"/api/v1/nodes/{own}")
    run(privileged(["rm", "-rf", folders.of(name)]))


def _storage(name: str) -> str:
    return f"{name}-storage"


def _run_command(spec: NodeSpec, own: str) -> list[str | Path]:
    folder = folders.of(spec.name)
    command: list[str | Path] = ["run", "--detach", "--name", spec.name, "--hostname", f"oke-{spec.name[-12:]}"]
    command += ["--restart", "always", "--network", paths.NETWORK, "--ip", own, "--privileged", "--cgroupns", "private"]
    # CPU numbers instead of a quota (--cpus): with a quota, cgroup v1 refuses containers with a higher limit, which Kubernetes allows.
    processors = sorted(os.sched_getaffinity(0))[: max(1, math.ceil(spec.cpus))]
    command += ["--cpuset-cpus", ",".join(map(str, processors)), "--memory", f"{int(spec.memory_gb * 1024)}m"]
    command += [*cluster.code(), "--volume", f"{folder}:{folder}", "--tmpfs", "/run:notmpcopyup"]
    # containerd's overlay cannot be on the overlay of this container.
    command += ["--volume", f"{_storage(spec.name)}:/var/lib/node"]
    # Only containerd needs to trust the sandbox's registry.
    command += ["--volume", f"{paths.CA_BUNDLE}:/etc/containerd/bundle.pem:ro"]
    return [*command, IMAGE, paths.VENV / "bin" / "python", "-m", "sandbox.kubernetes.worker", spec.name]
