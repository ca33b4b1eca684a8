"""The first process in the container of a node: `python -m sandbox.kubernetes.worker <name>`."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from http.client import HTTPException
from pathlib import Path

from sandbox import address
from sandbox.kubernetes import folders, image, metadata_service, network_policy, node_files
from sandbox.kubernetes.api import Api, ApiError, Json
from sandbox.kubernetes.supervise import Supervisor
from sandbox.process import CommandError, run, write_if_changed

BUNDLE = Path("/etc/containerd/bundle.pem")
STORAGE = Path("/var/lib/node")
# How often the node checks pods, policies and other nodes. A new pod may be without its policies for this time.
SECONDS = 0.5


def main(name: str) -> None:
    """Run until stopped."""
    folder = folders.of(name)
    spec: Json = json.loads((folder / "spec.json").read_text())
    own = spec["address"]
    address.announce(own)
    _prepare(spec["pods"])
    supervisor = Supervisor(folder / "log")
    write_if_changed(Path("/etc/containerd/config.toml"), node_files.containerd(image.PAUSE))
    write_if_changed(node_files.RUNTIME, node_files.RUNTIME_SCRIPT, 0o755)
    # With a certificate per registry (hosts.toml), containerd 1.6 would try again without it and hide "not found".
    supervisor.start("containerd", ["containerd"], env={**os.environ, "SSL_CERT_FILE": str(BUNDLE)})
    supervisor.wait_until(lambda: run(["ctr", "version"], check=False).returncode == 0, 30)
    _import_pause()
    write_if_changed(Path("/etc/kubernetes/kubelet.json"), node_files.kubelet(folder, spec))
    supervisor.start("kubelet", node_files.kubelet_command(folder, spec))
    write_if_changed(Path("/etc/kubernetes/kube-proxy.json"), node_files.kube_proxy(folder, own, spec["pods"]))
    supervisor.start("kube-proxy", ["kube-proxy", "--config=/etc/kubernetes/kube-proxy.json"])
    from sandbox.kubernetes import csi

    kept = csi.serve(csi.Node(own, spec["zone"]))
    supervisor.thread("metadata service", metadata_service.listen(spec).serve_forever)
    supervisor.thread("network", lambda: _network(own, Api(folder / "agent.conf")))
    supervisor.wait()
    del kept


def _prepare(pods: str) -> None:
    """Prepare kernel settings and network of this container, without changing the host."""
    run(["mount", "--make-rshared", "/"])
    for kernel, value in node_files.SYSCTLS.items():
        # The kubelet would write these to the host's kernel, so it gets files with the expected values.
        file = Path("/run/sysctl") / kernel.replace("/", ".")
        write_if_changed(file, f"{value}\n")
        run(["mount", "--bind", file, Path("/proc/sys") / kernel])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for folder in ("containerd", "kubelet"):
        (STORAGE / folder).mkdir(parents=True, exist_ok=True)
        Path("/var/lib", folder).mkdir(parents=True, exist_ok=True)
        run(["mount", "--bind", STORAGE / folder, Path("/var/lib") / folder])
    _delegate_cgroups()
    metadata_service.add_address()
    # Outgoing traffic of pods gets the node's address.
    rule = f"ip saddr {pods} ip daddr != {pods} oifname eth0 masquerade"
    chain = f"chain outside {{\n type nat hook postrouting priority srcnat;\n {rule}\n}}\n"
    run(["nft", "-f", "-"], stdin=f"table ip node {{\n{chain}}}\n")


def _delegate_cgroups() -> None:
    """With cgroup v2 only, a group with limited children must not contain processes: move them to their own group."""
    top = Path("/sys/fs/cgroup")
    controllers = top / "cgroup.controllers"
    if not controllers.exists():
        return
    (top / "init").mkdir(exist_ok=True)
    for process in (top / "cgroup.procs").read_text().split():
        (top / "init" / "cgroup.procs").write_text(process)
    wanted = " ".join(f"+{one}" for one in controllers.read_text().split())
    (top / "cgroup.subtree_control").write_text(wanted)


def _import_pause() -> None:
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    archive = Path("/run/pause.tar")
    image.write_pause(archive, Path("/usr/bin/catatonit"), names[platform.machine()])
    run(["ctr", "--namespace", "k8s.io", "images", "import", archive])


def _network(own: str, api: Api) -> None:
    """Keep pod network, routes and network policies up to date."""
    before, reported = "", ""
    while True:
        try:
            nodes = api.items("/api/v1/nodes")
            _routes(own, nodes)
            found = network_policy.translate(
                own,
                api.items("/api/v1/pods"),
                api.items("/api/v1/namespaces"),
                api.items("/apis/networking.k8s.io/v1/networkpolicies"),
            )
            if found.text != before:
                run(["nft", "-f", "-"], stdin=found.text)
                before = found.text
            if (problems := "\n".join(found.problems)) != reported:
                print(problems, file=sys.stderr, flush=True)
                reported = problems
        except (ApiError, OSError, HTTPException, CommandError) as error:
            print(f"network: {error!r}", file=sys.stderr, flush=True)
        time.sleep(SECONDS)


def _routes(own: str, nodes: list[Json]) -> None:
    """Configure this node's pod network and the routes to the other nodes' networks."""
    for node in nodes:
        network, name = node["spec"].get("podCIDR"), node["metadata"]["name"]
        if network and name == own:
            write_if_changed(Path("/etc/cni/net.d/10-node.conflist"), node_files.cni(network))
        elif network and _known.get(network) != name:
            run(["ip", "route", "replace", network, "via", name])
            _known[network] = name


_known: dict[str, str] = {}


if __name__ == "__main__":
    os.environ.setdefault("HOME", "/root")
    main(sys.argv[1])
