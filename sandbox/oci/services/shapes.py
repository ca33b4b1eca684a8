"""The shapes of instances: what they are made of and what may be asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.oci.errors import Problem
from sandbox.oci.wire import UNKNOWN, Properties


@dataclass(frozen=True)
class Shape:
    """A flexible shape.

    processor: the instruction set; ocpus: least and most; memory: least and most GB for each OCPU; most_memory: GB of all together;
    default_memory: GB for each OCPU where none is asked for; vcpus: for each OCPU.
    """

    processor: str
    ocpus: tuple[int, int]
    memory: tuple[int, int]
    most_memory: int
    default_memory: float
    vcpus: int
    description: str

    def problems(self, config: Any) -> Iterator[Problem]:
        """What is wrong with a shapeConfig; None for none."""
        if config is UNKNOWN:
            return
        if config is None or "ocpus" not in config:
            # Wording: oracle-quickstart/oci-elastic issue 18.
            yield Problem("shapeConfig.ocpus", "is required: Cannot launch flexible instance without ShapeConfig")
            return
        ocpus, memory = config["ocpus"], config.get("memoryInGbs", UNKNOWN)
        if ocpus is UNKNOWN:
            return
        if not self.ocpus[0] <= ocpus <= self.ocpus[1] or not float(ocpus).is_integer():
            yield Problem("shapeConfig.ocpus", f"must be a whole number between {self.ocpus[0]} and {self.ocpus[1]}")
        elif memory is not UNKNOWN:
            low, high = self.memory[0] * ocpus, min(self.memory[1] * ocpus, self.most_memory)
            if not low <= memory <= high:
                yield Problem("shapeConfig.memoryInGbs", f"must be between {low:g} and {high:g} for {ocpus:g} OCPUs")

    def configured(self, config: Properties) -> Properties:
        """The shapeConfig with what follows from its OCPUs. 1 Gbps and a VNIC for each, within the shape's bounds."""
        ocpus = config["ocpus"]
        follows = {
            "vcpus": int(ocpus * self.vcpus),
            "networkingBandwidthInGbps": min(float(ocpus), 40.0),
            "maxVnicAttachments": int(min(max(ocpus, 2), 24)),
            "processorDescription": self.description,
            "gpus": 0,
            "localDisks": 0,
        }
        return {"memoryInGbs": self.default_memory * ocpus, **config, **follows}


# source: OCI documentation, "Compute Shapes", "Flexible Shapes"; an OCPU of A1 is one core without threads.
SHAPES = {
    "VM.Standard.A1.Flex": Shape(
        processor="aarch64",
        ocpus=(1, 76),
        memory=(1, 64),
        most_memory=512,
        default_memory=6.0,
        vcpus=1,
        description="3.0 GHz Ampere® Altra™",
    ),
}
