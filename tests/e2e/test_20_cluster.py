"""The sandbox's OKE without the program: login, pods, volumes and load balancers. The tests share one cluster, in this order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import api_key, engine, paths
from sandbox.kubernetes import node
from sandbox.oci.catalogue import KINDS, cloud
from sandbox.oci.cloud import Record
from sandbox.oci.errors import ServiceError
from tests.support import cluster as support
from tests.support.cluster import NAMESPACE, Oke
from tests.support.holdings import Holdings, holdings, left
from tests.support.services import bring_up

# kubectl's message for a 401.
NOT_LET_IN = "You must be logged in to the server"


@pytest.fixture(scope="module")
def before(request: pytest.FixtureRequest) -> Holdings:
    """Start the sandbox for clusters and return its resources."""
    bring_up(request.config, "--stack", "local-oke")
    support.push_image()
    return holdings()


@pytest.fixture(scope="module")
def oke(before: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oke]:
    """The cluster, initially empty."""
    began = time.monotonic()
    made = support.set_up(tmp_path_factory.mktemp("oke"))
    print(f"cluster and node: {time.monotonic() - began:.1f} s")
    yield made
    if KINDS["cluster"].read(cloud(), made.cluster.id):
        # After a failure, load balancers would block the deletion of the network.
        made.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s", check=False)
    support.tear_down(made)


@pytest.fixture(scope="module")
def app(oke: Oke) -> str:
    """The address of the app."""
    internal = oke.subnets["internal"].id
    oke.apply(support.namespace())
    oke.apply(support.pull_secret(), support.claim(), support.policy(), support.deployment(), support.service(internal))
    url = f"http://{oke.address()}"
    oke.eventually(lambda: len(support.starts(url)) == 1, f"an answer of {url}", 90)
    return url


def test_only_the_account_user_may_log_in(oke: Oke, tmp_path: Path) -> None:
    assert oke.kubectl("auth", "can-i", "*", "*").strip() == "yes"
    assert paths.USER_OCID in oke.kubectl("auth", "whoami")
    elsewhere = oke.try_kubectl(support.token(f"{oke.cluster.id}a"), "get", "pods")
    assert NOT_LET_IN in elsewhere.stderr
    api_key.make(tmp_path)
    config = dict(line.split("=", 1) for line in (tmp_path / "config").read_text().splitlines() if "=" in line)
    stranger = oke.try_kubectl(support.token(oke.cluster.id, config), "get", "pods")
    assert NOT_LET_IN in stranger.stderr


def test_pod_cannot_reach_the_metadata_service(app: str, oke: Oke) -> None:
    [pool_node] = KINDS["nodepool"].seen(cloud(), oke.pool)["nodes"]
    container = next(
        name for name in engine.podman("ps", "--format", "{{.Names}}").stdout.split() if pool_node["name"][4:] in name
    )
    ask = (
        "import urllib.request as u; r = u.Request('http://169.254.169.254/opc/v2/instance/', "
        "headers={'Authorization': 'Bearer Oracle'}); print(u.urlopen(r, timeout=3).read().decode())"
    )
    assert json.loads(engine.podman("exec", container, "python3", "-c", ask).stdout)["id"] == pool_node["id"]
    pod = ["--namespace", NAMESPACE, "exec", "deployment/app", "--", "python3", "-c", ask]
    assert "timed out" in oke.kubectl(*pod, check=False)


def test_missing_or_foreign_image_is_reported(app: str, oke: Oke) -> None:
    oke.apply(
        support.deployment("missing", image=f"{support.REPOSITORY}:none"), support.deployment("alone", pull="none")
    )
    oke.eventually(lambda: "not found" in oke.events("Pod"), "a word of the missing image", 40)
    oke.eventually(lambda: "401" in oke.events("Pod"), "a word of the missing login", 40)
    assert "x509" not in oke.events("Pod")
    oke.kubectl("--namespace", NAMESPACE, "delete", "deployment", "missing", "alone")


@pytest.mark.parametrize(
    ("changes", "subnet", "reason"),
    [
        ({"interna": "true"}, "internal", "unknown to Oracle"),
        ({"shape_flex_max": "9"}, "internal", "from 10 to 8192"),
        ({"internal": "false"}, "internal", "cannot be in the private subnet"),
        ({}, "none", "404-NotAuthorizedOrNotFound, subnet"),
    ],
)
def test_invalid_load_balancer_gets_no_address(
    app: str, oke: Oke, changes: dict[str, Any], subnet: str, reason: str
) -> None:
    id = oke.subnets[subnet].id if subnet in oke.subnets else "ocid1.subnet.oc1..none"
    oke.apply(support.service(id, "wrong", **changes))
    oke.eventually(lambda: reason in oke.events("Service"), f"an event: {reason}", 20)
    assert oke.get("service", "wrong")["status"]["loadBalancer"] == {}
    oke.kubectl("--namespace", NAMESPACE, "delete", "service", "wrong")


def test_new_subnet_of_an_existing_load_balancer_is_ignored(app: str, oke: Oke) -> None:
    public = oke.subnets["public"].id
    oke.apply(support.service(public, internal="false"))
    # The changed bandwidth shows that the controller has handled the Service; the second change shows that it has finished the first.
    for most in (20, 30):
        oke.apply(support.service(public, internal="false", shape_flex_max=str(most)))
        oke.eventually(lambda most=most: most_bandwidth(oke) == most, f"a bandwidth of {most} Mbps", 60)
    assert f"http://{oke.address()}" == app
    assert support.starts(app)
    [record] = oke.load_balancers()
    assert record.properties["subnetIds"] == [oke.subnets["internal"].id]
    oke.apply(support.service(oke.subnets["internal"].id))


def most_bandwidth(oke: Oke) -> int:
    """Return the maximum bandwidth of the only load balancer in Mbps."""
    [record] = oke.load_balancers()
    return int(record.properties["shapeDetails"]["maximumBandwidthInMbps"])


def test_control_plane_restarts_with_all_objects(app: str, oke: Oke) -> None:
    engine.podman("restart", "--time", "15", oke.cluster.private["container"])
    oke.eventually(lambda: support.starts(app), "the load balancer's return", 60)
    assert oke.get("deployment", "app")["status"]["readyReplicas"] == 1


def test_replaced_node_gets_the_volume(app: str, oke: Oke) -> None:
    data = support.starts(app)
    details = oke.pool.properties["nodeConfigDetails"]
    [old] = [one["container"] for one in cloud().require(oke.pool.id, "nodepool").private["nodes"]]
    node.remove(old, oke.cluster.private["container"])
    seen = KINDS["nodepool"].read(cloud(), oke.pool.id)
    assert seen is not None
    assert seen.properties["nodeConfigDetails"]["size"] == 0
    inputs = {name: value for name, value in oke.pool.properties.items() if name in KINDS["nodepool"].fields}
    KINDS["nodepool"].update(cloud(), oke.pool.id, {**inputs, "nodeConfigDetails": details})
    # Without force, Kubernetes waits for the deleted node.
    oke.kubectl("--namespace", NAMESPACE, "delete", "pod", "--selector", "app=app", "--force", "--grace-period=0")
    oke.eventually(lambda: support.starts(app)[: len(data)] == data, "the app on the other node", 120)


def test_volume_is_deleted_with_its_claim_and_the_subnet_is_freed(app: str, oke: Oke, before: Holdings) -> None:
    internal = oke.subnets["internal"]
    with pytest.raises(ServiceError, match="409-Conflict"):
        KINDS["subnet"].delete(cloud(), internal.id)
    oke.kubectl("--namespace", NAMESPACE, "delete", "service/app", "deployment/app", "persistentvolumeclaim/data")
    oke.eventually(lambda: not volumes(before), "the end of the volume", 60)
    assert oke.load_balancers() == []


def volumes(before: Holdings) -> list[Record]:
    """Return the new volumes."""
    made = cloud().all("volume")
    return [one for one in made if f"volume/{one.id}.json" not in before["cloud resources"]]


def test_delete_leaves_nothing_behind(oke: Oke, before: Holdings) -> None:
    began = time.monotonic()
    support.tear_down(oke)
    print(f"taken back: {time.monotonic() - began:.1f} s")
    assert left(before) == {}
