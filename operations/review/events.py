"""Reads the engine's event log (`--event-log`): the steps, what a refresh found, messages and violations of policies.

The log has one JSON object a line (source: pulumi 3.259, sdk/go/common/apitype/events.go). The engine has blinded the secrets in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT_TYPE = "pulumi:pulumi:Stack"
CLUSTER = "oci:ContainerEngine/cluster:Cluster"
_META = "__meta"
_BY_CODE = {
    "oci:Core/instance:Instance": ("metadata.ssh_authorized_keys", "metadata.user_data"),
    CLUSTER: ("endpointConfig.subnetId",),
}
"""What the provider's code replaces a resource for (terraform-provider-oci 8.28, CustomizeDiff): pulumi-oci reports `__meta` instead."""
# source: pulumi-kubernetes 4.34, provider.go, Read.
_UNREACHABLE = "configured Kubernetes cluster is unreachable"
WITHHELD = "violates plan"
"""Where the engine says what does not fit a plan it goes on with the values of both sides, secrets in plain text (source: pulumi 3.259,
resource/deploy/plan.go, MakeError). So nothing after these words is ever kept or shown."""


@dataclass(frozen=True)
class State:
    """A resource before or after a step. id: "" until it is made; retained: a deletion leaves it in the cloud; pending: an earlier
    `up` replaced it and did not come to delete it.
    """

    urn: str
    id: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""
    protected: bool = False
    retained: bool = False
    pending: bool = False


@dataclass(frozen=True)
class Step:
    """One operation of the engine on one resource. replace_keys: properties that cause a replacement; changed_keys: that changed;
    detailed: path of a property to kind of difference ("add", "update-replace", …), empty where the provider tells none.
    """

    operation: str
    urn: str
    type: str
    replace_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    detailed: Mapping[str, str] = field(default_factory=dict)
    old: State | None = None
    new: State | None = None

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Message:
    """An error or a warning. resource: its name, "" for the whole program."""

    severity: str
    resource: str
    text: str


@dataclass(frozen=True)
class Violation:
    """A policy that a resource does not meet. mandatory: it stops the deployment."""

    policy: str
    resource: str
    mandatory: bool
    text: str


@dataclass
class Events:
    """All that one operation logged. steps: as they began; found: as they ended, which for a refresh is what it found; outputs_before,
    outputs: the stack's own; planning: it was a preview, or ended in the one before.
    """

    steps: list[Step] = field(default_factory=list)
    found: list[Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    outputs_before: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    planning: bool = False

    @property
    def errors(self) -> list[Message]:
        """The messages that are errors."""
        return [message for message in self.messages if message.severity == "error"]

    @property
    def warnings(self) -> list[Message]:
        """The messages that are warnings."""
        return [message for message in self.messages if message.severity == "warning"]

    @property
    def unreachable_cluster(self) -> str:
        """Why a cluster did not answer; "" when none was asked in vain, or when it is found to be gone itself."""
        gone = any(step.type == CLUSTER and step.operation == "delete" for step in self.found)
        told = (one.text for one in self.warnings if one.text.startswith(_UNREACHABLE))
        return "" if gone else next(told, "")


def read(file: Path) -> Events:
    """The events of a log; none where the engine did not come to write it."""
    events = Events()
    if not file.exists():
        return events
    # Not splitlines(), which also divides at characters that JSON may hold.
    for line in filter(None, file.read_text(encoding="utf-8").split("\n")):
        event = json.loads(line)
        if "resourcePreEvent" in event:
            _append(events.steps, event["resourcePreEvent"]["metadata"])
            events.planning = events.planning or bool(event["resourcePreEvent"].get("planning"))
        elif "resOutputsEvent" in event:
            ended = event["resOutputsEvent"]["metadata"]
            _append(events.found, ended)
            if ended["type"] == ROOT_TYPE:
                # When it begins, with those it had; and again with those that the program exports, unless it fails.
                events.outputs_before = (ended.get("old") or {}).get("outputs") or {}
                events.outputs = (ended.get("new") or {}).get("outputs") or {}
        elif "diagnosticEvent" in event:
            told = event["diagnosticEvent"]
            if told["severity"] in ("error", "warning") and not told.get("ephemeral"):
                events.messages.append(Message(told["severity"], _name(told.get("urn", "")), _text(told["message"])))
        elif "policyEvent" in event:
            broken = event["policyEvent"]
            mandatory = broken.get("enforcementLevel") == "mandatory"
            resource = _name(broken.get("resourceUrn", ""))
            events.violations.append(Violation(broken["policyName"], resource, mandatory, broken["message"].strip()))
    return events


def _append(steps: list[Step], metadata: Mapping[str, Any]) -> None:
    # Neither is anybody's own resource: the root, and the providers which the engine makes itself.
    default_provider = metadata["type"].startswith("pulumi:providers:") and "::default" in metadata["urn"]
    if metadata["type"] == ROOT_TYPE or default_provider:
        return
    detailed, keys = _differences(metadata)
    steps.append(
        Step(
            operation=metadata["op"],
            urn=metadata["urn"],
            type=metadata["type"],
            replace_keys=tuple(keys),
            changed_keys=tuple(key for key in metadata.get("diffs") or () if key != _META),
            detailed=detailed,
            old=_state(metadata.get("old")),
            new=_state(metadata.get("new")),
        )
    )


def _differences(metadata: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Path to kind of each difference, and the keys that cause a replacement; in the place of `__meta` what a person can change."""
    detailed = {path: diff["diffKind"] for path, diff in (metadata.get("detailedDiff") or {}).items()}
    keys = [key for key in metadata.get("keys") or () if key != _META]
    if detailed.pop(_META, "").endswith("-replace"):
        known = _BY_CODE.get(metadata["type"], ())
        causes = [path for path in detailed if any(f"{one}.".startswith(f"{path}.") for one in known)] or list(detailed)
        detailed |= {path: f"{detailed[path]}-replace" for path in causes}
        keys += dict.fromkeys(re.split(r"[.\[]", path)[0] for path in causes)
    return detailed, keys


def _state(state: Mapping[str, Any] | None) -> State | None:
    if not state:
        return None
    return State(
        urn=state["urn"],
        id=state.get("id") or "",
        inputs=state.get("inputs") or {},
        outputs=state.get("outputs") or {},
        provider=state.get("provider") or "",
        protected=bool(state.get("protect")),
        retained=bool(state.get("retainOnDelete")),
        pending=bool(state.get("delete")),
    )


def _text(message: str) -> str:
    before, withheld, _ = message.partition(WITHHELD)
    return f"{before}{WITHHELD} (the values are withheld)" if withheld else message.strip()


def _name(urn: str) -> str:
    return "" if f"::{ROOT_TYPE}::" in urn else urn.rsplit("::", 1)[-1]
