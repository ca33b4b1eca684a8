"""Time until a cluster of the sandbox is ready: `python -m bench.cluster [runs]`. The sandbox's services for clusters must be up."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

from bench.measure import Command, compare, runs_given
from sandbox import address, engine, paths
from sandbox.kubernetes import cluster, folders, node
from sandbox.kubernetes.api import Api
from sandbox.kubernetes.specs import ClusterSpec, NodeSpec
from sandbox.process import wait_for
from specs.shape import SHAPE

CLUSTER = ClusterSpec("sandbox-cluster-bench", "ocid1.cluster.oc1..bench", paths.TENANCY_OCID)
NODE = NodeSpec(
    "sandbox-node-bench",
    CLUSTER.name,
    "ocid1.instance.oc1..bench",
    zone="EU-FRANKFURT-1-AD-1",
    shape=SHAPE,
    cpus=2,
    memory_gb=12,
)


def create() -> None:
    """Create a control plane and a node."""
    cluster.create(CLUSTER)
    node.create(NODE)


def start() -> None:
    """Start both again, as after a reboot of the host, until the kubelet reports the node as ready."""
    began = datetime.now(timezone.utc).replace(microsecond=0)
    for name in (CLUSTER.name, NODE.name):
        engine.podman("start", name)
    cluster.wait_until_ready(CLUSTER.name)
    api, own = Api(folders.admin(CLUSTER.name)), address.of(NODE.name)

    def ready() -> bool:
        [found] = [one for one in api.get(f"/api/v1/nodes/{own}")["status"]["conditions"] if one["type"] == "Ready"]
        return found["status"] == "True" and datetime.fromisoformat(found["lastHeartbeatTime"][:-1] + "+00:00") > began

    wait_for(ready, "the node's return", node.READY_SECONDS)


def stop() -> None:
    """Stop both."""
    for name in (NODE.name, CLUSTER.name):
        engine.podman("stop", "--time", "20", name)


def remove() -> None:
    """Remove what exists of both."""
    node.remove(NODE.name, CLUSTER.name)
    cluster.remove(CLUSTER.name)


STEPS = {step.__name__: step for step in (create, start, stop, remove)}


def main() -> None:
    """Run one step, which hyperfine asks for, or measure and print the table."""
    if sys.argv[1:] and sys.argv[1] in STEPS:
        STEPS[sys.argv[1]]()
        return
    own = (sys.executable, "-m", "bench.cluster")
    try:
        measured = compare(
            {
                "cluster and node from nothing": Command([*own, "create"], prepare=[*own, "remove"]),
                "the same, started again": Command([*own, "start"], prepare=[*own, "stop"]),
            },
            runs_given(5),
            memory=False,
        )
    finally:
        remove()
    print(f"\n{measured}")


if __name__ == "__main__":
    main()
