"""Core services, block storage: volumes. A volume is a sparse file; attaching makes a loop device of it.

Inputs as in core_volume_resource.go; 50 GB to 32 TB and 0 to 120 VPUs as in OCI documentation, "Block Volume". Copies, backups, replicas,
keys and automatic tuning are not done.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from typing_extensions import override

from sandbox.oci import checks
from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.declare import ANY_CASE, KEEP, REPLACE, TAGS, UPDATE, Inputs, Table
from sandbox.oci.errors import Problem, invalid
from sandbox.oci.resource import Resource
from sandbox.oci.wire import UNKNOWN, Properties

SMALLEST_GB, LARGEST_GB = 50, 32768


def image_file(cloud: Cloud, volume: str) -> Path:
    """The file that holds the volume's blocks."""
    return cloud.root / "volumes" / f"{volume}.img"


class Volume(Resource):
    """A block volume."""

    type = "oci:Core/volume:Volume"
    kind = "volume"
    title = "Volume"
    inputs = Inputs(
        {
            **TAGS,
            "availabilityDomain": REPLACE | ANY_CASE,
            "compartmentId": UPDATE,
            "displayName": KEEP,
            "sizeInGbs": KEEP,
            "vpusPerGb": KEEP,
        }
    )
    checks = Table(
        {
            "availabilityDomain": checks.availability_domain,
            "displayName": checks.display_name,
            "sizeInGbs": checks.whole_text(SMALLEST_GB, LARGEST_GB),
            "vpusPerGb": checks.one_of(*map(str, range(0, 130, 10))),
        }
    )

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        if "sizeInGbs" not in inputs:
            yield Problem(
                "sizeInGbs",
                "is required (volumes of the default size are not supported by the sandbox's Oracle Cloud)",
            )

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        fixed = {
            "isHydrated": True,
            "isAutoTuneEnabled": False,
            "systemTags": {},
            "volumeGroupId": "",
            "kmsKeyId": "",
        }
        return {**fixed, "vpusPerGb": "10", "autoTunedVpusPerGb": inputs.get("vpusPerGb", "10")}

    @override
    def derived(self, properties: Properties) -> Properties:
        size = properties["sizeInGbs"]
        return properties if size is UNKNOWN else {**properties, "sizeInMbs": str(int(size) * 1024)}

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        if before and int(record.properties["sizeInGbs"]) < int(before.properties["sizeInGbs"]):
            raise invalid(f"Volume {record.id} cannot be made smaller than {before.properties['sizeInGbs']} GB.")

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        if record:
            cloud.host.volumes.create(image_file(cloud, record.id), int(record.properties["sizeInGbs"]))

    @override
    def alive(self, cloud: Cloud, record: Record) -> bool:
        return image_file(cloud, record.id).exists()

    @override
    def delete(self, cloud: Cloud, id: str) -> None:
        with cloud.transaction():
            if record := cloud.get(self.kind, id):
                self.refuse_while_used(cloud, record)
                cloud.host.volumes.delete(image_file(cloud, id))
                cloud.drop(record)


RESOURCES: tuple[Resource, ...] = (Volume(),)
