"""Manual changes in a cluster: what `make drift` reports and how `up --refresh` reverts them (docs/drift.md)."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.console import Console
from tests.support.documented_drift import rows
from tests.support.jupyter import login
from tests.support.machine import answers_soon
from tests.support.pod import get, in_pod, kubectl
from tests.support.stack import Stack

MAXIMUM_MBPS = "service.beta.kubernetes.io/oci-load-balancer-shape-flex-max"


def files_secret(stack: Stack) -> str:
    """Return the name of the Secret with the app's files."""
    [found] = [one["metadata"]["name"] for one in get(stack, "secrets")["items"] if one["type"] == "Opaque"]
    return str(found)


# The change in docs/drift.md: the resource that shows it, what a refresh would do with it, and a function that makes the change.
REPORTED: dict[str, tuple[str, str, Callable[[Stack], object]]] = {
    "the Deployment scaled": (
        "jupyterlab-deployment",
        "update",
        lambda stack: kubectl(stack, "scale", "deployment", "--all", "--replicas=0"),
    ),
    "an annotation of the Service changed": (
        "jupyterlab-service",
        "update",
        lambda stack: kubectl(stack, "annotate", "service", "--all", "--overwrite", f"{MAXIMUM_MBPS}=20"),
    ),
    "a Secret deleted": (
        "jupyterlab-files",
        "delete",
        lambda stack: kubectl(stack, "delete", "secret", files_secret(stack)),
    ),
    "the network policy deleted": (
        "jupyterlab-network-policy",
        "delete",
        lambda stack: kubectl(stack, "delete", "networkpolicies", "--all"),
    ),
    "the node pool renamed": (
        "jupyterlab-nodes",
        "update",
        lambda stack: Console(stack).change("jupyterlab-nodes", name="somebodys"),
    ),
    "the NAT gateway's traffic blocked": (
        "jupyterlab-nat-gateway",
        "update",
        lambda stack: Console(stack).change("jupyterlab-nat-gateway", blockTraffic=True),
    ),
}


def test_documentation_lists_every_tested_cluster_change() -> None:
    assert rows("Reported of a cluster") == set(REPORTED)


def test_drift_reports_cluster_changes_and_up_refresh_reverts_them(oke: Stack) -> None:
    in_pod(oke, "open('/jupyter/kept.txt', 'w').write('from before the drift')")
    assert oke.drift() == {}
    for _, _, change in REPORTED.values():
        change(oke)
    expected = {name: step for name, step, _ in REPORTED.values()}
    assert oke.drift() == expected
    assert oke.drift() == expected
    oke.up("--refresh")
    assert oke.drift() == {}
    assert answers_soon(f"{oke.output('loadBalancerUrl')}/api")
    assert login(oke.output("loadBalancerUrl"), oke.password)
    assert in_pod(oke, "print(open('/jupyter/kept.txt').read())") == "from before the drift\n"
    assert oke.up() == {}
