"""The compute shape of the instance and of the cluster's nodes."""

from __future__ import annotations

SHAPE = "VM.Standard.A1.Flex"
