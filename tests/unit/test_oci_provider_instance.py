"""The life of an instance and its volumes in the emulated Oracle Cloud."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from sandbox.machine import MachineSpec, MachineState
from sandbox.oci.cloud import Record
from sandbox.oci.errors import FailedError, ServiceError, UnsupportedError
from sandbox.oci.services.core_images import image_id
from tests.unit.oci_cloud import DEVICE, TYPES, Tenancy, custom_image


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


def calls(tenancy: Tenancy, *names: str) -> list[tuple[Any, ...]]:
    return [call for call in tenancy.host.machines.calls if call[0] in names]


def same(tenancy: Tenancy, instance: Record, **changes: Any) -> dict[str, Any]:
    """The inputs of an instance with some changed."""
    return tenancy.inputs("Instance", createVnicDetails={"subnetId": instance.properties["subnetId"]}, **changes)


def test_an_instance_is_a_machine_made_from_its_metadata(tenancy: Tenancy) -> None:
    metadata = {
        "ssh_authorized_keys": "ssh-ed25519 AAAA me",
        "user_data": base64.b64encode(b"#cloud-config\n").decode(),
    }
    record = tenancy.make("Instance", metadata=metadata, displayName="My App (dev)")
    name = record.private["machine"]
    assert calls(tenancy, "create") == [
        ("create", MachineSpec(name, "my-app-dev", b"#cloud-config\n", "ssh-ed25519 AAAA me", 2.0, 12.0))
    ]
    assert name.startswith("sandbox-instance-")
    assert record.properties["state"] == "RUNNING"
    assert record.properties["publicIp"] == "10.189.0.10"
    assert record.properties["privateIp"] == record.properties["createVnicDetails"]["privateIp"] == "10.0.0.2"
    assert record.properties["shapeConfig"]["vcpus"] == 2


def test_what_the_image_cannot_encrypt_in_transit_is_refused(tenancy: Tenancy) -> None:
    source = {"sourceType": "image", "sourceId": custom_image(tenancy)}
    with pytest.raises(ServiceError, match="In-transit encryption is not supported by image"):
        tenancy.make("Instance", sourceDetails=source, isPvEncryptionInTransitEnabled=True)
    instance = tenancy.make("Instance", sourceDetails=source)
    with pytest.raises(ServiceError, match="In-transit encryption is not supported by image"):
        tenancy.make("VolumeAttachment", instanceId=instance.id, isPvEncryptionInTransitEnabled=True)


def test_memory_is_6_gb_for_each_ocpu_when_it_is_not_said(tenancy: Tenancy) -> None:
    record = tenancy.make("Instance", shapeConfig={"ocpus": 3})
    assert record.properties["shapeConfig"]["memoryInGbs"] == 18.0


def test_ocpus_are_changed_in_place(tenancy: Tenancy) -> None:
    record = tenancy.make("Instance")
    changed = tenancy.update("Instance", record, **same(tenancy, record, shapeConfig={"ocpus": 4, "memoryInGbs": 24}))
    assert calls(tenancy, "resize") == [("resize", record.private["machine"], 4.0, 24.0)]
    assert changed.properties["shapeConfig"]["vcpus"] == 4
    assert changed.properties["timeCreated"] == record.properties["timeCreated"]


def test_another_name_touches_no_machine(tenancy: Tenancy) -> None:
    record = tenancy.make("Instance")
    before = list(tenancy.host.machines.calls)
    tenancy.update("Instance", record, **same(tenancy, record, displayName="other"))
    assert tenancy.host.machines.calls == before


def test_another_image_in_place_is_not_done_and_says_so_before_anything_happens(tenancy: Tenancy) -> None:
    record = tenancy.make("Instance")
    newer = {"sourceType": "image", "sourceId": image_id("Oracle-Linux-9.6-aarch64-2025.07.21-0")}
    with pytest.raises(UnsupportedError, match=r"sourceDetails\.sourceId: replacing the boot volume"):
        TYPES["Instance"].plan(record.properties, same(tenancy, record, sourceDetails=newer))


def test_a_resize_whose_process_was_killed_is_done_again(tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch) -> None:
    record, larger = tenancy.make("Instance"), {"ocpus": 4, "memoryInGbs": 24}
    killed: list[Record] = []

    def resize(*_: object) -> None:
        killed.append(tenancy.cloud.all("instance")[0])

    with monkeypatch.context() as patched:
        patched.setattr(tenancy.host.machines, "resize", resize)
        tenancy.update("Instance", record, **same(tenancy, record, shapeConfig=larger))
    # As the process left it in the middle of the resize.
    with tenancy.cloud.transaction():
        tenancy.cloud.put(killed[0])
    for _ in range(2):
        tenancy.update("Instance", record, **same(tenancy, record, shapeConfig=larger))
    assert calls(tenancy, "resize") == [("resize", record.private["machine"], 4.0, 24.0)]


def test_a_stopped_instance_is_seen_and_is_no_change(tenancy: Tenancy) -> None:
    inputs = tenancy.inputs("Instance")
    instance = tenancy.make("Instance", **inputs)
    tenancy.host.machines.running[instance.private["machine"]] = MachineState(False, "")
    seen = tenancy.read(instance)
    assert seen is not None
    assert seen.properties["state"] == "STOPPED"
    assert TYPES["Instance"].changes(seen.properties, TYPES["Instance"].checked(inputs)[0]) == []


def test_a_failed_resize_changes_nothing(tenancy: Tenancy) -> None:
    record = tenancy.make("Instance")
    tenancy.host.machines.failing = "resize"
    with pytest.raises(RuntimeError):
        tenancy.update("Instance", record, **same(tenancy, record, shapeConfig={"ocpus": 4, "memoryInGbs": 24}))
    seen = tenancy.read(record)
    assert seen is not None
    assert seen.properties["shapeConfig"]["ocpus"] == 2


@pytest.mark.parametrize("failing", ["create", "set_firewall"])
def test_a_launch_that_fails_later_leaves_its_id_and_nothing_else(tenancy: Tenancy, failing: str) -> None:
    subnet = tenancy.make("Subnet")
    tenancy.host.machines.failing = failing
    with pytest.raises(FailedError, match=f"{failing} failed") as error:
        tenancy.make("Instance", createVnicDetails={"subnetId": subnet.id})
    assert error.value.outputs["state"] == "TERMINATED"
    assert TYPES["Instance"].read(tenancy.cloud, error.value.id) is None
    assert tenancy.cloud.all("instance") == []
    assert tenancy.host.machines.running == {}
    tenancy.delete(subnet)


def test_termination_removes_the_machine_and_detaches_its_volumes(tenancy: Tenancy) -> None:
    volume = tenancy.make("Volume")
    attachment = tenancy.make("VolumeAttachment", volumeId=volume.id)
    instance = tenancy.cloud.require(attachment.properties["instanceId"], "instance")
    tenancy.delete(instance)
    assert calls(tenancy, "remove") == [("remove", instance.private["machine"])]
    assert tenancy.read(instance) is tenancy.read(attachment) is None
    tenancy.delete(attachment)
    tenancy.delete(volume)
    assert calls(tenancy, "detach") == []


def test_a_termination_that_fails_can_be_done_again(tenancy: Tenancy) -> None:
    instance = tenancy.make("Instance")
    tenancy.host.machines.failing = "remove"
    with pytest.raises(RuntimeError):
        tenancy.delete(instance)
    tenancy.host.machines.failing = ""
    assert tenancy.read(instance) is not None
    tenancy.delete(instance)
    assert tenancy.read(instance) is None


def test_a_volume_is_a_file_which_is_attached_and_detached(tenancy: Tenancy) -> None:
    attachment = tenancy.make("VolumeAttachment")
    file = tenancy.cloud.root / "volumes" / f"{attachment.properties['volumeId']}.img"
    machine = tenancy.cloud.require(attachment.properties["instanceId"], "instance").private["machine"]
    assert tenancy.host.volumes.sizes == {file: 50}
    assert calls(tenancy, "attach") == [("attach", machine, DEVICE, file)]
    tenancy.delete(attachment)
    assert calls(tenancy, "detach") == [("detach", machine, DEVICE)]
    tenancy.delete(tenancy.cloud.require(attachment.properties["volumeId"], "volume"))
    assert not file.exists()


def test_an_attachment_that_fails_is_not_there(tenancy: Tenancy) -> None:
    tenancy.host.machines.failing = "attach"
    with pytest.raises(RuntimeError):
        tenancy.make("VolumeAttachment")
    assert tenancy.cloud.all("volumeattachment") == []


def test_interrupted_attachment_is_absent_and_blocks_nothing(tenancy: Tenancy) -> None:
    attachment = tenancy.make("VolumeAttachment")
    with tenancy.cloud.transaction():
        tenancy.cloud.put(attachment.with_properties(state="ATTACHING"))
    assert tenancy.read(attachment) is None
    again = tenancy.make(
        "VolumeAttachment", **{name: attachment.properties[name] for name in ("instanceId", "volumeId")}
    )
    assert again.properties["device"] == attachment.properties["device"]
    machine = tenancy.cloud.require(attachment.properties["instanceId"], "instance").private["machine"]
    assert calls(tenancy, "detach") == [("detach", machine, DEVICE)]
    assert [one.id for one in tenancy.cloud.all("volumeattachment")] == [again.id]


def test_what_is_being_attached_is_there(tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []

    def attach(*_: object) -> None:
        [record] = tenancy.cloud.all("volumeattachment")
        seen.append((record.properties["state"], tenancy.read(record) is not None))

    monkeypatch.setattr(tenancy.host.machines, "attach", attach)
    assert tenancy.make("VolumeAttachment").properties["state"] == "ATTACHED"
    assert seen == [("ATTACHING", True)]


def test_a_device_is_found_when_none_is_asked_for(tenancy: Tenancy) -> None:
    instance = tenancy.make("Instance").id
    found = [tenancy.make("VolumeAttachment", instanceId=instance, device=None).properties["device"] for _ in range(2)]
    assert found == ["/dev/oracleoci/oraclevdb", "/dev/oracleoci/oraclevdc"]


def test_a_volume_grows_in_place(tenancy: Tenancy) -> None:
    volume = tenancy.make("Volume")
    grown = tenancy.update("Volume", volume, sizeInGbs="100")
    assert list(tenancy.host.volumes.sizes.values()) == [100]
    assert grown.properties["sizeInMbs"] == "102400"


def test_a_volume_whose_file_was_deleted_by_hand_is_gone(tenancy: Tenancy) -> None:
    volume = tenancy.make("Volume")
    next(iter(tenancy.host.volumes.sizes)).unlink()
    assert tenancy.read(volume) is None
    tenancy.delete(volume)


# --- a machine that was removed by hand ------------------------------------------------------------------------------------------------


@pytest.fixture
def bereft(tenancy: Tenancy) -> Record:
    """An attachment whose instance's machine was removed by hand."""
    attachment = tenancy.make("VolumeAttachment")
    tenancy.host.machines.running.clear()
    return attachment


def test_a_machine_removed_by_hand_is_a_terminated_instance(tenancy: Tenancy, bereft: Record) -> None:
    assert tenancy.read(bereft) is None
    assert tenancy.read(tenancy.cloud.all("instance")[0]) is None


def test_terminated_instance_can_be_destroyed(tenancy: Tenancy, bereft: Record) -> None:
    instance = tenancy.cloud.all("instance")[0]
    for record in (
        bereft,
        *tenancy.cloud.all("volume"),
        instance,
        *tenancy.cloud.all("subnet"),
        *tenancy.cloud.all("vcn"),
    ):
        tenancy.delete(record)
    assert tenancy.cloud.everything() == []


def test_terminated_instance_blocks_nothing_after_a_refresh(tenancy: Tenancy, bereft: Record) -> None:
    for record in (*tenancy.cloud.all("volume"), *tenancy.cloud.all("subnet"), *tenancy.cloud.all("vcn")):
        tenancy.delete(record)
    assert tenancy.cloud.everything() == []
    assert calls(tenancy, "remove") != []


def test_terminated_instance_frees_its_volume_and_hostname(tenancy: Tenancy) -> None:
    subnet = tenancy.make("Subnet").id
    volume = tenancy.make("Volume").id
    for _ in range(2):
        tenancy.host.machines.running.clear()
        instance = tenancy.make("Instance", createVnicDetails={"subnetId": subnet, "hostnameLabel": "app"})
        tenancy.make("VolumeAttachment", instanceId=instance.id, volumeId=volume)
    assert len(tenancy.cloud.all("instance")) == len(tenancy.cloud.all("volumeattachment")) == 1


def test_terminated_instance_refuses_attachments(tenancy: Tenancy, bereft: Record) -> None:
    with pytest.raises(ServiceError, match="404-NotAuthorizedOrNotFound"):
        tenancy.make("VolumeAttachment", instanceId=bereft.properties["instanceId"], device="/dev/oracleoci/oraclevdc")


# --- interruption ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["PROVISIONING", "TERMINATING"])
def test_what_a_killed_process_left_half_done_is_terminated(tenancy: Tenancy, state: str) -> None:
    instance = tenancy.make("Instance")
    with tenancy.cloud.transaction():
        tenancy.cloud.put(instance.with_properties(state=state))
    with tenancy.cloud.claim(instance.id):
        assert tenancy.read(instance) is not None
        with pytest.raises(ServiceError, match="references the VNIC"):
            tenancy.delete(tenancy.cloud.all("subnet")[0])
    assert tenancy.read(instance) is None
    tenancy.delete(tenancy.cloud.all("subnet")[0])
    assert tenancy.host.machines.running == {}


def test_a_machine_that_is_down_is_a_stopped_instance(tenancy: Tenancy) -> None:
    instance = tenancy.make("Instance")
    name = instance.private["machine"]
    running = tenancy.host.machines.running[name]
    tenancy.host.machines.running[name] = type(running)(False, running.address)
    seen = tenancy.read(instance)
    assert seen is not None
    assert seen.properties["state"] == "STOPPED"
    assert seen.properties["publicIp"] == instance.properties["publicIp"]
