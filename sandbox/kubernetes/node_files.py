"""The configuration files of a node's programs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sandbox import paths
from sandbox.kubernetes.api import Json

# Kernel settings that the kubelet expects (source: kubernetes pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables).
SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
_CNI_PLUGINS = "/usr/lib/cni"
RUNTIME = Path("/etc/containerd/runc")
RUNTIME_SCRIPT = """\
#!/usr/bin/python3
import json, os, sys

words = sys.argv[1:]
if "create" in words:
    file = os.path.join(words[words.index("--bundle") + 1], "config.json")
    with open(file) as opened:
        config = json.load(opened)
    config["mounts"].append({"destination": "/run/secrets", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]})
    config["mounts"].sort(key=lambda mount: mount["destination"].count("/"))
    with open(file, "w") as opened:
        json.dump(config, opened)
os.execvp("runc", ["runc", *words])
"""
"""A wrapper of runc that emulates a mount of CRI-O, which OKE's nodes run.

CRI-O mounts its own folder over /run/secrets of a pod and keeps mounts below it (source: cri-o, server/container_create_linux.go, which
sorts by depth; containers-mounts.conf(5) with Oracle Linux' default /usr/share/rhel/secrets:/run/secrets).
"""


def containerd(pause: str) -> str:
    """config.toml of containerd 1.6 (its docs/cri/config.md)."""
    return f"""version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{_CNI_PLUGINS}"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      BinaryName = "{RUNTIME}"
"""


def kubelet(folder: Path, spec: Json) -> str:
    """KubeletConfiguration (source: Kubernetes documentation, "Kubelet Configuration (v1beta1)")."""
    cpus, memory = float(spec["cpus"]), float(spec["memory_gb"])
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    # /proc shows the host's processors and memory, so the difference to the node's shape is reserved.
    less_memory, less_cpus = max(0, total - int(memory * 1024)), max(0.0, (os.cpu_count() or 1) - cpus)
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "x509": {"clientCAFile": str(folder / "pki" / "ca.pem")},
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(folder / "pki" / "kubelet.pem"),
            "tlsPrivateKeyFile": str(folder / "pki" / "kubelet-key.pem"),
            "providerID": spec["id"],
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "protectKernelDefaults": True,
            "oomScoreAdj": 0,
            "systemReserved": {"memory": f"{less_memory}Mi", "cpu": f"{int(less_cpus * 1000)}m"},
            # The node must not evict pods because of the host's disk.
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        }
    )


def kubelet_command(folder: Path, spec: Json) -> list[str]:
    """Return the command line of the kubelet."""
    labels = {
        **spec["labels"],
        "topology.kubernetes.io/region": paths.REGION,
        "topology.kubernetes.io/zone": spec["zone"],
        "node.kubernetes.io/instance-type": spec["shape"],
    }
    return [
        "kubelet",
        "--config=/etc/kubernetes/kubelet.json",
        f"--kubeconfig={folder / 'kubelet.conf'}",
        f"--hostname-override={spec['address']}",
        f"--node-ip={spec['address']}",
        f"--node-labels={','.join(f'{key}={value}' for key, value in labels.items())}",
    ]


def kube_proxy(folder: Path, own: str, pods: str) -> str:
    """Return KubeProxyConfiguration. Load balancers use its health check."""
    leave = {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
    return json.dumps(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(folder / "kube-proxy.conf")},
            "mode": "iptables",
            "hostnameOverride": own,
            "clusterCIDR": pods,
            "conntrack": leave,
        }
    )


def cni(network: str) -> str:
    """Return the CNI configuration: each pod has its own route, so all traffic passes the node's filter. A reboot frees all addresses."""
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": network}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni",
    }
    plugin = {"type": "ptp", "ipMasq": False, "ipam": addresses}
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [plugin]})
