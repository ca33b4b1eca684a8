"""Steps and states as the engine logs them, and the summary of a preview with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operations.review.events import Events, State, Step
from operations.review.summary import summary

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
VOLUME = "oci:Core/volume:Volume"
VCN = "oci:Core/vcn:Vcn"


def urn(name: str, type_name: str = VCN) -> str:
    return f"urn:pulumi:dev::app::{type_name}::{name}"


def state(name: str, type_name: str = VCN, **fields: Any) -> State:
    return State(urn(name, type_name), **fields)


def step(operation: str, name: str = "it", type_name: str = VCN, **fields: Any) -> Step:
    before = None if operation == "create" else state(name, type_name, id="ocid1.it")
    after = None if operation.startswith("delete") else state(name, type_name)
    return Step(operation, urn(name, type_name), type_name, **{"old": before, "new": after, **fields})


def shown(*steps: Step, failed: bool = False, printed: str = "", **more: Any) -> str:
    return summary("preview", "dev", Events(steps=list(steps), **more), failed=failed, printed=printed)


def updated(before: Mapping[str, Any], after: Mapping[str, Any], **fields: Any) -> Step:
    return step("update", old=state("it", inputs=before), new=state("it", inputs=after), **fields)
