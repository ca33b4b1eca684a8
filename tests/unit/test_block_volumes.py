"""Block volumes of claims: size, deletion, and messages of the CSI driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes import control_plane, csi
from sandbox.kubernetes.block_volumes import _PROVISIONED_BY, BlockVolumes, size_gb
from sandbox.kubernetes.bootstrap import DRIVER
from sandbox.oci import catalogue
from sandbox.oci.errors import conflict
from sandbox.process import SandboxError
from tests.unit.oci_cloud import Tenancy


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
def test_volume_size_is_whole_gib_and_at_least_50(quantity: str, size: int) -> None:
    assert size_gb(quantity) == size


@pytest.mark.parametrize("quantity", ["", "Gi", "-1Gi", "1 Gi", "50GB", "33Ti"])
def test_invalid_volume_size_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|more than"):
        size_gb(quantity)


class Api:
    """A cluster with one PersistentVolume."""

    def __init__(self, volume: dict[str, Any]) -> None:
        self.volumes = [volume]

    def items(self, path: str) -> list[dict[str, Any]]:
        return self.volumes if path.endswith("/persistentvolumes") else []

    def delete(self, path: str) -> None:
        self.volumes = []


def test_volume_is_deleted_after_its_instance_detaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenancy = Tenancy(tmp_path)
    attachment = tenancy.make("VolumeAttachment")
    volume = tenancy.cloud.require(attachment.properties["volumeId"], "volume")
    monkeypatch.setattr(catalogue, "cloud", lambda: tenancy.cloud)
    spec = {"persistentVolumeReclaimPolicy": "Delete", "csi": {"volumeHandle": volume.id}}
    meta = {"name": "csi-one", "annotations": {_PROVISIONED_BY: DRIVER}}
    api: Any = Api({"metadata": meta, "spec": spec, "status": {"phase": "Released"}})
    volumes = BlockVolumes(api, {"name": "cluster"})
    volumes.reconcile()
    assert tenancy.read(volume)
    assert api.volumes
    tenancy.delete(attachment)
    volumes.reconcile()
    assert tenancy.read(volume) is None
    assert api.volumes == []


def test_control_plane_continues_after_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals = iter((SandboxError("in use"), conflict("attached"), KeyboardInterrupt()))

    def reconcile() -> None:
        raise next(refusals)

    monkeypatch.setattr(control_plane, "SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        control_plane._forever(reconcile)
    said = capsys.readouterr().err
    assert "in use" in said
    assert "409-Conflict, attached" in said


def test_csi_parses_a_message_of_the_kubelet() -> None:
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


def test_csi_node_reports_name_and_availability_domain() -> None:
    info = csi.Node("10.189.0.11", "EU-FRANKFURT-1-AD-1").info(None)
    assert info.node_id == "10.189.0.11"
    assert [(one.key, one.value) for one in info.accessible_topology.segments] == [
        ("topology.kubernetes.io/zone", "EU-FRANKFURT-1-AD-1")
    ]
