"""Core services: volume attachments.

Inputs as in core_volume_attachment_resource.go: every one forces replacement. Refusals as users report them (oracle/yo issue 12,
oracle/oci-cloud-controller-manager issue 262). An attachment goes with its instance, as in the cloud. Only paravirtualized attachments
are done: the others need commands on the instance.
"""

from __future__ import annotations

from dataclasses import replace

from typing_extensions import override

from sandbox.oci import checks
from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.declare import ANY_CASE, KEEP, REPLACE, Inputs, Reference, Table
from sandbox.oci.errors import ServiceError, conflict, invalid
from sandbox.oci.resource import Resource
from sandbox.oci.services.core_blockstorage import image_file
from sandbox.oci.services.core_images import encrypts_in_transit
from sandbox.oci.wire import Properties

# oraclevda is the boot volume (source: OCI documentation, "Connecting to Volumes With Consistent Device Paths"); 32 volumes at most.
_DEVICES = [f"/dev/oracleoci/oraclevd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"]


class VolumeAttachment(Resource):
    """A volume in an instance."""

    type = "oci:Core/volumeAttachment:VolumeAttachment"
    kind = "volumeattachment"
    title = "VolumeAttachment"
    inputs = Inputs(
        {
            "attachmentType": REPLACE | ANY_CASE,
            "instanceId": REPLACE,
            "volumeId": REPLACE,
            "device": REPLACE | KEEP,
            "displayName": REPLACE | KEEP,
            "isPvEncryptionInTransitEnabled": REPLACE | KEEP,
        }
    )
    checks = Table(
        {
            "attachmentType": checks.one_of("paravirtualized", any_case=True),
            "device": checks.one_of(*_DEVICES),
            "displayName": checks.display_name,
        }
    )
    references = Table(
        {
            "instanceId": Reference(("instance",), blocks=False),
            "volumeId": Reference(
                ("volume",), refusal="Volume {target} may not be deleted while attached to an Instance."
            ),
        }
    )

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        instance = cloud.require(inputs["instanceId"], "instance").properties
        taken = [other.properties["device"] for other in self._of_instance(cloud, inputs["instanceId"])]
        place = {name: instance[name] for name in ("availabilityDomain", "compartmentId")}
        flags = dict.fromkeys(("isMultipath", "isPvEncryptionInTransitEnabled", "isReadOnly", "isShareable"), False)
        free = next(device for device in _DEVICES if device not in taken)
        return {**place, **flags, "device": free, "state": "ATTACHED", "isVolumeCreatedDuringLaunch": False}

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        wanted = record.properties
        instance, volume = (
            cloud.require(wanted["instanceId"], "instance"),
            cloud.require(wanted["volumeId"], "volume"),
        )
        if instance.properties["state"] != "RUNNING":
            raise ServiceError(
                409, "IncorrectState", f"Instance {instance.id} is in state {instance.properties['state']}."
            )
        image = instance.properties["sourceDetails"]["sourceId"]
        if wanted.get("isPvEncryptionInTransitEnabled") and not encrypts_in_transit(cloud, image):
            raise invalid(f"In-transit encryption is not supported by image {image} of instance {instance.id}.")
        if instance.properties["availabilityDomain"].lower() != volume.properties["availabilityDomain"].lower():
            raise invalid(f"Volume {volume.id} and instance {instance.id} are not in the same availability domain.")
        for other in cloud.all(self.kind):
            if other.properties["volumeId"] != volume.id:
                continue
            if self.alive(cloud, other):
                raise conflict(
                    f"Volume {volume.id} cannot be attached, because one of the volume attachments is not configured as shareable. "
                    "To attach a volume to more than one instance, all volume attachments must be configured as shareable."
                )
            self.forget(cloud, other)
        if wanted.get("device") in [other.properties["device"] for other in self._of_instance(cloud, instance.id)]:
            raise conflict(f"Device {wanted['device']} is already in use on instance {instance.id}.")

    @override
    def draft(self, cloud: Cloud, id: str, inputs: Properties) -> Record:
        return replace(super().draft(cloud, id, inputs), owner=inputs["instanceId"])

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        if record:
            machine = cloud.require(record.properties["instanceId"], "instance").private["machine"]
            cloud.host.machines.attach(
                machine, record.properties["device"], image_file(cloud, record.properties["volumeId"])
            )

    @override
    def create(self, cloud: Cloud, inputs: Properties) -> Record:
        """Make it. What a process that died was attaching is not there, as with whatever takes long (slow.py)."""
        id = self.new_id(inputs)
        with cloud.claim(id), cloud.transaction():
            record = self.draft(cloud, id, inputs)
            cloud.put(record.with_properties(state="ATTACHING"))
            try:
                self.settle(cloud, record)
            except BaseException:
                cloud.drop(record)
                raise
            cloud.put(record)
            return record

    @override
    def alive(self, cloud: Cloud, record: Record) -> bool:
        """A terminated instance's attachments are detached."""
        made = record.properties["state"] == "ATTACHED" or cloud.claimed(record.id)
        return made and self._instance(cloud, record) is not None

    @override
    def forget(self, cloud: Cloud, record: Record) -> None:
        if instance := self._instance(cloud, record):
            cloud.host.machines.detach(instance.private["machine"], record.properties["device"])
        elif gone := cloud.get("instance", record.properties["instanceId"]):
            cloud.kinds["instance"].forget(cloud, gone)
        cloud.drop(record)

    @override
    def delete(self, cloud: Cloud, id: str) -> None:
        with cloud.transaction():
            record = cloud.get(self.kind, id)
            if record is None:
                return
            if instance := self._instance(cloud, record):
                cloud.host.machines.detach(instance.private["machine"], record.properties["device"])
            cloud.drop(record)

    def _instance(self, cloud: Cloud, record: Record) -> Record | None:
        """Its instance, if that is there."""
        instance = cloud.get("instance", record.properties["instanceId"])
        return instance if instance and cloud.kinds["instance"].alive(cloud, instance) else None

    def _of_instance(self, cloud: Cloud, instance: str) -> list[Record]:
        return [other for other in cloud.all(self.kind) if other.properties["instanceId"] == instance]


RESOURCES: tuple[Resource, ...] = (VolumeAttachment(),)
