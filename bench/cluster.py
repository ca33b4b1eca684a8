"""The sandbox's cluster, made from nothing and started again: `python -m bench.cluster [runs]`, with the services for clusters up."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone

from bench.measure import Run, side_by_side, table
from sandbox import address, engine, paths
from sandbox.kubernetes import cluster, folders, node
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.specs import ClusterSpec, NodeSpec
from sandbox.process import wait_for

CLUSTER = ClusterSpec("sandbox-cluster-bench", "ocid1.cluster.oc1..bench", paths.TENANCY_OCID)
NODE = NodeSpec(
    "sandbox-node-bench",
    CLUSTER.name,
    "ocid1.instance.oc1..bench",
    zone="EU-FRANKFURT-1-AD-1",
    shape="VM.Standard.A1.Flex",
    cpus=2,
    memory_gb=12,
)


def timed(action: Callable[[], object]) -> Run:
    """Its seconds."""
    began = time.monotonic()
    action()
    return Run(time.monotonic() - began, 0)


def make() -> None:
    """The control plane, then a node, until Kubernetes calls it ready."""
    cluster.create(CLUSTER)
    node.create(NODE)


def start_again() -> None:
    """As after a reboot of the host, until the kubelet itself has said again that the node is ready."""
    began = datetime.now(timezone.utc).replace(microsecond=0)
    for name in (CLUSTER.name, NODE.name):
        engine.podman("start", name)
    cluster.wait_until_ready(CLUSTER.name)
    api, own = Api(folders.admin(CLUSTER.name)), address.of(NODE.name)

    def said() -> bool:
        [ready] = [one for one in api.get(f"/api/v1/nodes/{own}")["status"]["conditions"] if one["type"] == "Ready"]
        return ready["status"] == "True" and datetime.fromisoformat(ready["lastHeartbeatTime"][:-1] + "+00:00") > began

    wait_for(said, "the node's return", node.READY_SECONDS)


def cold() -> Run:
    """From nothing."""
    take_back()
    return timed(make)


def warm() -> Run:
    """From what `cold` made, stopped."""
    for name in (NODE.name, CLUSTER.name):
        engine.podman("stop", "--time", "20", name)
    return timed(start_again)


def take_back() -> None:
    """Content when there is nothing."""
    node.remove(NODE.name, CLUSTER.name)
    cluster.remove(CLUSTER.name)


def main() -> None:
    """Print the table."""
    first = "cluster and node from nothing"
    try:
        measured = side_by_side({first: cold, "the same, started again": warm}, int((sys.argv[1:] or ["5"])[0]))
    finally:
        take_back()
    print(f"\n{table(measured, first)}")


if __name__ == "__main__":
    main()
