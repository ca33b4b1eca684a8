"""Destroy of a stack with a cluster: what it deletes and retains, and how a new stack adopts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import address, paths
from sandbox.kubernetes import cluster, node
from sandbox.oci.catalogue import cloud
from sandbox.process import wait_for
from tests.e2e.conftest import PORT, up_and_down
from tests.support.holdings import Holdings, holdings, left
from tests.support.jupyter import login
from tests.support.machine import answers_soon
from tests.support.pod import in_pod, kubectl, load_balancer, nodes
from tests.support.stack import ROOT, PulumiError, Stack

WRITE = "open('/jupyter/kept.txt', 'w').write('kept')"
READ = "print(open('/jupyter/kept.txt').read())"


@pytest.fixture(scope="module")
def before_guest(oke: Stack) -> Holdings:
    """The sandbox's resources before the guest stack."""
    return holdings()


@pytest.fixture(scope="module")
def guest(oke: Stack, before_guest: Holdings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack "e2e-guest" in the existing cluster of "e2e-oke"."""
    [subnet] = load_balancer(oke).properties["subnetIds"]
    stack = Stack("e2e-guest", tmp_path_factory.mktemp("e2e-guest"), oke.config_file)
    try:
        yield from up_and_down(
            stack, port=PORT + 21, apiNetworks=[], clusterId=oke.output("clusterId"), loadBalancerSubnetId=subnet
        )
    finally:
        (ROOT / f".kubeconfig-{stack.name}").unlink(missing_ok=True)


def test_existing_cluster_needs_no_network_and_no_new_cluster(guest: Stack) -> None:
    types = {entry["type"] for entry in guest.export()["deployment"]["resources"]}
    assert not [name for name in types if name.startswith(("oci:Core/", "oci:ContainerEngine/"))]
    assert answers_soon(f"{guest.output('loadBalancerUrl')}/api")
    http = login(guest.output("loadBalancerUrl"), guest.password)
    assert http is not None


def test_destroy_keeps_claim_and_namespace_for_the_next_up(guest: Stack, oke: Stack, before_guest: Holdings) -> None:
    in_pod(guest, WRITE)
    volume, namespace = guest.output("dataVolumeId"), guest.output("namespace")
    assert volume != oke.output("dataVolumeId")
    guest.destroy()
    assert set(left(before_guest)["cloud resources"]) == {f"volume/{volume}.json"}
    kept = kubectl(
        oke, "--namespace", namespace, "get", "all,secrets,networkpolicies,persistentvolumeclaims", "-o", "name"
    )
    assert kept.split() == ["persistentvolumeclaim/jupyterlab-data"]

    guest.up()
    assert guest.output("dataVolumeId") == volume
    assert in_pod(guest, READ) == "kept\n"
    assert guest.up() == {}


def test_destroy_without_retention_leaves_nothing_in_the_cluster(
    guest: Stack, oke: Stack, before_guest: Holdings
) -> None:
    guest.configure(retainClaim=False)
    guest.up()
    namespace, volume = guest.output("namespace"), guest.output("dataVolumeId")
    guest.destroy()
    # The cluster detaches and deletes the volume after the claim.
    wait_for(lambda: cloud().get("volume", volume) is None, f"the end of {volume}", 120, interval=1)
    assert left(before_guest) == {}
    assert namespace not in kubectl(oke, "get", "namespaces", "-o", "name")


def test_retained_volume_survives_its_cluster_and_is_adopted(oke: Stack, before_oke: Holdings) -> None:
    in_pod(oke, WRITE)
    volume = oke.output("dataVolumeId")
    assert "pulumi config set dataVolumeId" in oke.output("retained")
    oke.destroy()
    remaining = left(before_oke)
    assert remaining["cloud resources"] == {f"volume/{volume}.json"}
    assert set(remaining) == {"cloud resources", "cloud files"}

    oke.configure(dataVolumeId=volume)
    oke.up()
    assert oke.output("dataVolumeId") == volume
    assert in_pod(oke, READ) == "kept\n"
    assert oke.up() == {}


def test_adopted_volume_is_bound_again_after_its_namespace_was_deleted(oke: Stack) -> None:
    volume, namespace = oke.output("dataVolumeId"), oke.output("namespace")
    kubectl(oke, "delete", "namespace", namespace)
    oke.up("--refresh")
    assert oke.output("dataVolumeId") == volume
    assert in_pod(oke, READ) == "kept\n"
    assert oke.up() == {}


def test_destroy_works_after_the_cluster_is_gone(oke: Stack, before_oke: Holdings) -> None:
    volume = oke.output("dataVolumeId")
    balancer = load_balancer(oke)
    record = cloud().require(oke.output("clusterId"), "cluster")
    for name in nodes(oke):
        node.remove(name, record.private["container"])
    cluster.remove(record.private["container"])
    # The load balancer still exists, so its subnet cannot be deleted.
    with pytest.raises(
        PulumiError, match=r"409-Conflict(.|\n)*load-balancer-subnet|load-balancer-subnet(.|\n)*409-Conflict"
    ):
        oke.destroy("--refresh")
    # Delete the load balancer as a user would in the console.
    address.release(balancer.private["holder"])
    with (own := cloud()).transaction():
        own.drop(balancer)
    oke.destroy("--refresh")
    assert oke.export()["deployment"].get("resources", []) == []
    remaining = left(before_oke)
    assert remaining["cloud resources"] == {f"volume/{volume}.json"}
    (paths.CLOUD / "resources" / "volume" / f"{volume}.json").unlink()
    (paths.CLOUD / "volumes" / f"{volume}.img").unlink()
