"""The size of the machines, for both targets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from settings.errors import wrong
from settings.key import Section, key, ocid

MOST_MEMORY = 512
"""GB of a VM.Standard.A1.Flex, for any number of OCPUs (source: ListShapes, memoryOptions.maxInGBs, as in oracle/oci-designer-toolkit)."""


class MachineSettings(Section):
    """The machines: the instance, or each node."""

    ocpus: int = key(
        2,
        "OCPUs of the VM.Standard.A1.Flex instance, or of each node. Always Free covers 2.",
        ge=1,
        le=76,
    )
    memory_in_gbs: int = key(
        12,
        "Memory of the instance, or of each node, in GB, 1 to 64 for each OCPU. Always Free covers 12.",
        ge=2,
        le=MOST_MEMORY,
    )
    boot_volume_size_in_gbs: int = key(
        50, "Boot volume in GB. Always Free covers 200 GB of volumes in all.", ge=50, le=32768
    )
    data_volume_size_in_gbs: int = key(
        50,
        "Data volume in GB. It outlives the container, the instance and the pods. It can grow, not shrink.",
        ge=50,
        le=32768,
    )
    data_volume_id: Annotated[str, ocid("volume")] = key(
        "",
        "OCID of a retained data volume of the same target to adopt when the stack is made again; a new one when empty.",
        example="ocid1.volume.oc1.eu-frankfurt-1.example",
    )

    def problems(self) -> Iterable[str]:
        """Errors of memory and OCPUs together."""
        least, most = self.ocpus, min(64 * self.ocpus, MOST_MEMORY)
        if not least <= self.memory_in_gbs <= most:
            yield wrong(
                "memoryInGbs",
                f"is {self.memory_in_gbs}; with ocpus {self.ocpus} it must be {least} to {most} (1 to 64 GB for each OCPU)",
                str(min(max(self.memory_in_gbs, 6 * self.ocpus), most)),
            )
