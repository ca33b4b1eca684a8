"""How large the sandbox's volumes for claims are, and which messages a kubelet and the node's driver exchange."""

from __future__ import annotations

import pytest

from sandbox.kubernetes import csi
from sandbox.kubernetes.block_volumes import size_gb


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        ("1Gi", 50),
        ("50Gi", 50),
        ("51Gi", 51),
        ("50.5Gi", 51),
        ("60G", 56),
        ("60000M", 56),
        ("1Ti", 1024),
        ("53687091201", 51),
    ],
)
def test_a_volume_is_rounded_up_to_whole_gib_and_has_50_at_least(quantity: str, size: int) -> None:
    assert size_gb(quantity) == size


@pytest.mark.parametrize("quantity", ["", "Gi", "-1Gi", "1 Gi", "50GB", "33Ti"])
def test_what_is_no_size_of_a_volume_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|more than"):
        size_gb(quantity)


def test_a_message_of_the_kubelet_is_understood() -> None:
    # As protobuf writes {volume_id: "v", publish_context: {"devicePath": "/dev/loop7"}, staging_target_path: "/s",
    # volume_capability: {mount: {fs_type: "ext4"}, access_mode: {mode: 1}}}, members that are not used included.
    pair = b"\x0a\x0adevicePath\x12\x0a/dev/loop7"
    capability = b"\x12\x06\x0a\x04ext4\x1a\x02\x08\x01"
    wire = b"\x0a\x01v\x12" + bytes([len(pair)]) + pair + b"\x1a\x02/s\x22" + bytes([len(capability)]) + capability
    request = csi.M["NodeStageVolumeRequest"].FromString(wire)
    assert request.volume_id == "v"
    assert {one.key: one.value for one in request.publish_context} == {"devicePath": "/dev/loop7"}
    assert request.staging_target_path == "/s"
    assert request.volume_capability.mount.fs_type == "ext4"


def test_a_node_says_its_name_and_availability_domain() -> None:
    info = csi.Node("10.189.0.11", "EU-FRANKFURT-1-AD-1").info(None)
    assert info.node_id == "10.189.0.11"
    assert [(one.key, one.value) for one in info.accessible_topology.segments] == [
        ("topology.kubernetes.io/zone", "EU-FRANKFURT-1-AD-1")
    ]
