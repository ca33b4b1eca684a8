"""Reads the engine's event log (`--event-log`): steps, results of a refresh, messages and policy violations.

The log has one JSON object a line (source: pulumi 3.259, sdk/go/common/apitype/events.go). The engine has replaced the secrets in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specs.resource_types import CLUSTER, INSTANCE, ROOT

_META = "__meta"
_BY_CODE = {
    INSTANCE: ("metadata.ssh_authorized_keys", "metadata.user_data"),
    CLUSTER: ("endpointConfig.subnetId",),
}
"""Properties that cause a replacement in code (terraform-provider-oci 8.28, CustomizeDiff). pulumi-oci reports `__meta`."""
# source: pulumi-kubernetes 4.34, provider.go, Read.
_UNREACHABLE = "configured Kubernetes cluster is unreachable"
WITHHELD = "violates plan"
"""After these words the engine prints the values of both sides, secrets in plain text (source: pulumi 3.259, resource/deploy/plan.go,
MakeError). So nothing after them is ever kept or shown."""


@dataclass(frozen=True)
class State:
    """A resource before or after a step.

    id: "" until it is created; retained: a deletion leaves it in the cloud; pending: an earlier `up` replaced it and ended before its
    deletion.
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
    """One operation of the engine on one resource.

    replace_keys: properties that cause a replacement; changed_keys: properties that changed; detailed: path of a property to the kind of
    its difference ("add", "update-replace", …), empty if the provider reports none.
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
    """A policy that a resource violates. mandatory: it stops the deployment."""

    policy: str
    resource: str
    mandatory: bool
    text: str


@dataclass
class Events:
    """All that one operation logged.

    steps: as they began; found: as they ended, for a refresh what it found; outputs_before, outputs: of the stack; planning: no step of an
    `up` has begun.
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
        """The errors among the messages."""
        return [message for message in self.messages if message.severity == "error"]

    @property
    def warnings(self) -> list[Message]:
        """The warnings among the messages."""
        return [message for message in self.messages if message.severity == "warning"]

    @property
    def unreachable_cluster(self) -> str:
        """The warning that a cluster did not answer; "" if there is none, or if the cluster itself is gone."""
        gone = any(step.type == CLUSTER and step.operation == "delete" for step in self.found)
        texts = (one.text for one in self.warnings if one.text.startswith(_UNREACHABLE))
        return "" if gone else next(texts, "")


def read(file: Path) -> Events:
    """Return the events of a log; none if the engine ended before it wrote one."""
    events = Events()
    if not file.exists():
        return events
    # splitlines() would also split at characters that JSON may contain.
    *lines, _ = file.read_text(encoding="utf-8").split("\n")  # a killed engine may leave half a line at the end
    for event in map(json.loads, filter(None, lines)):
        if "resourcePreEvent" in event:
            _append(events.steps, event["resourcePreEvent"]["metadata"])
            events.planning = events.planning or bool(event["resourcePreEvent"].get("planning"))
        elif "resOutputsEvent" in event:
            ended = event["resOutputsEvent"]["metadata"]
            _append(events.found, ended)
            if ended["type"] == ROOT:
                # Logged at the beginning with the old outputs, and, if the program does not fail, again with the new ones.
                events.outputs_before = (ended.get("old") or {}).get("outputs") or {}
                events.outputs = (ended.get("new") or {}).get("outputs") or {}
        elif "diagnosticEvent" in event:
            message = event["diagnosticEvent"]
            severity, resource = message["severity"], _name(message.get("urn", ""))
            if severity in ("error", "warning") and not message.get("ephemeral"):
                events.messages.append(Message(severity, resource, _text(message["message"])))
        elif "policyEvent" in event:
            found = event["policyEvent"]
            mandatory = found.get("enforcementLevel") == "mandatory"
            resource = _name(found.get("resourceUrn", ""))
            events.violations.append(Violation(found["policyName"], resource, mandatory, found["message"].strip()))
    return events


def _append(steps: list[Step], metadata: Mapping[str, Any]) -> None:
    # The program has no part in these two: the root, and the providers that the engine creates itself.
    default_provider = metadata["type"].startswith("pulumi:providers:") and "::default" in metadata["urn"]
    if metadata["type"] == ROOT or default_provider:
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
    """Return path to kind of each difference, and the keys that cause a replacement. `__meta` becomes what a person can change."""
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
    return "" if f"::{ROOT}::" in urn else urn.rsplit("::", 1)[-1]
