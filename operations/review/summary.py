"""The Markdown summary of a preview or an `up`, for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from operations.review.changes import Change, Kind, Property, changes, of_outputs
from operations.review.events import Events, Message
from operations.review.remedy import adopt
from operations.review.values import block, code, show
from specs.resource_types import CLUSTER, HOLDS_DATA

LIMIT = 60_000
"""Characters of a summary. GitHub takes 65,536 in a comment; the workflow needs the rest."""
_LONGEST_MESSAGE = 8_000
_CUT = "\n\n*The rest is left out, since comments have a size limit. The output of the preview is complete.*\n"
FOLD = "<details><summary>What is created, with its properties</summary>"
"""The one fold of a summary."""
NOTE = "sandbox: "
"""Beginning of the lines on standard error that belong in the summary."""
_VERBS = {
    Kind.CREATED: "created",
    Kind.ADOPTED: "adopted",
    Kind.CHANGED: "changed",
    Kind.REPLACED: "replaced",
    Kind.DELETED: "deleted",
    Kind.KEPT: "kept, but no longer managed",
    Kind.MOVED: "moved or with other options",
}


def first_line(operation: str, stack: str, outcome: str) -> str:
    """Return the marker by which a workflow finds the summary and its outcome. Raises ValueError if the stack's name is invalid."""
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", stack):
        raise ValueError(f"{stack!r} is not a valid name of a stack")
    return f"<!-- review: {operation} of {stack}: {outcome} -->"


def summary(operation: str, stack: str, events: Events, *, failed: bool, printed: str = "") -> str:
    """Return the summary of `operation` ("preview" or "up"). printed: notes and errors on standard error."""
    found, outputs = changes(events.steps), of_outputs(events.outputs_before, events.outputs)
    outcome = "failed" if failed else "changes" if found or outputs else "nothing"
    head = [first_line(operation, stack, outcome), f"### {operation.capitalize()} of {code(stack)}", ""]
    head += _failure(events, printed) if failed else [_counts(operation, found, outputs, events)]
    head += _notes(printed)
    head += _data(found) + _policies(events)
    tail = [*_outputs(outputs), *_warnings(events.warnings)]
    sections = _sections(found, partial(_with_properties, volume=_volume_without_cluster(found, events)))
    # The fold comes last: .github/scripts/comment.py treats all that follows as its content.
    for shown in ([*sections, *tail, *_inputs(found)], [*sections, *tail], [*_names(found), *tail]):
        text = "\n".join([*head, *shown, ""])
        if len(text) <= LIMIT:
            return text
    return cut(text)


def cut(text: str, limit: int = LIMIT) -> str:
    """Return the text up to the last line that fits, with a note; close an open code block."""
    if len(text) <= limit:
        return text
    kept = text[: max(0, limit - len(_CUT) - 10)].rpartition("\n")[0]
    fences = re.findall(r"^ *(`{3,})", kept, flags=re.MULTILINE)
    return kept + (f"\n{fences[-1]}" if len(fences) % 2 else "") + _CUT


def failure(messages: Sequence[Message], printed: str) -> list[str]:
    """Return lines with the text of the errors."""
    text = "\n\n".join(_texts(messages)) or printed.strip() or "The engine ended without a message."
    return [block(_shortened(text)), ""]


def _failure(events: Events, printed: str) -> list[str]:
    return ["**Failed.** The summary ends where the run ended.", "", *failure(events.errors, printed)]


def _notes(printed: str) -> list[str]:
    """Return the notes of the sandbox on the stack's file (sandbox/pulumi_command.py)."""
    found = [line.removeprefix(NOTE) for line in printed.splitlines() if line.startswith(NOTE)]
    return [line for one in found for line in ("", "> [!NOTE]", f"> {code(one, _LONGEST_MESSAGE)}")]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}\n… ({len(text)} characters)"


def _counts(operation: str, found: Sequence[Change], outputs: Sequence[Property], events: Events) -> str:
    counted = [(kind, sum(change.kind is kind for change in found)) for kind in Kind]
    texts = [f"{count} {_VERBS[kind]}" for kind, count in counted if count]
    same = {step.urn for step in events.steps if step.operation == "same"} - {change.urn for change in found}
    texts += [f"{len(same)} unchanged"] if same else []
    texts += [f"{len(outputs)} outputs differ" if len(outputs) > 1 else "1 output differs"] if outputs else []
    if not found and not outputs:
        return f"**Nothing {'changes' if operation == 'preview' else 'changed'}**" + (
            f", {len(same)} resources." if same else "."
        )
    return f"**{', '.join(texts)}.**"


def _data(found: Sequence[Change]) -> list[str]:
    endangered = [change for change in found if change.endangers_data]
    lost = [change for change in endangered if not change.retained]
    kept = [change for change in endangered if change.retained]
    lines = []
    if lost:
        lines += ["", "> [!CAUTION]", "> **Data is deleted:**"]
        lines += [f"> - {_title(change)}, {HOLDS_DATA[change.type]}, is {_VERBS[change.kind]}" for change in lost]
    if kept:
        lines += ["", "> [!WARNING]", "> **Data stays in the cloud, but is no longer managed:**"]
        lines += [f"> - {_title(change)}, {HOLDS_DATA[change.type]}, is {_VERBS[change.kind]}" for change in kept]
    return lines


def _policies(events: Events) -> list[str]:
    lines = []
    for found in events.violations:
        strength = "mandatory" if found.mandatory else "advisory"
        lines += [f"- {code(found.policy)} ({strength}), {code(found.resource or 'the stack')}", ""]
        lines += ["  " + line for line in block(_shortened(found.text)).splitlines()]
    return ["", "#### Policies", "", *lines] if lines else []


def _warnings(warnings: Sequence[Message]) -> list[str]:
    return ["", "#### Warnings", "", block(_shortened("\n".join(_texts(warnings))))] if warnings else []


def _texts(messages: Sequence[Message]) -> list[str]:
    return list(dict.fromkeys(f"{one.resource}: {one.text}" if one.resource else one.text for one in messages))


def _volume_without_cluster(found: Sequence[Change], events: Events) -> str:
    """Return the OCID of the volume behind the claim if the stack's cluster is deleted, else ""."""
    goes = any(change.type == CLUSTER and change.kind in (Kind.DELETED, Kind.REPLACED) for change in found)
    return str(events.outputs_before.get("dataVolumeId", "")) if goes else ""


def _outputs(outputs: Sequence[Property]) -> list[str]:
    return ["", "#### Outputs", "", *map(_property, outputs)] if outputs else []


def _names(found: Sequence[Change]) -> list[str]:
    names = ["", "*The properties are left out, since comments have a size limit.*"]
    return names + _sections(found, lambda change: [f"- {_title(change)}"])


def _sections(found: Sequence[Change], lines_of: Callable[[Change], list[str]]) -> list[str]:
    # Irreversible changes come first.
    order = (Kind.DELETED, Kind.REPLACED, Kind.KEPT, Kind.CHANGED, Kind.ADOPTED, Kind.MOVED, Kind.CREATED)
    lines = []
    for kind in order:
        of_kind = [change for change in found if change.kind is kind]
        if of_kind:
            lines += ["", f"#### {kind.value}", ""]
            lines += [line for change in of_kind for line in lines_of(change)]
    return lines


def _with_properties(change: Change, volume: str) -> list[str]:
    title = f"- {_title(change)}"
    if change.kind is not Kind.CREATED and change.id:
        title += f" {code(change.id)}"
    lines = [title, *(f"  - {note}" for note in change.notes), *(f"  {_property(one)}" for one in change.properties)]
    if change.retained:
        lines += [f"  - {sentence}" for sentence in adopt(change.type, change.id, volume)]
    return lines


def _property(changed: Property) -> str:
    cause = "**, which causes the replacement**" if changed.cause else ""
    return f"- {code(changed.path)}: {changed.before} → {changed.after}{cause}"


def _inputs(found: Sequence[Change]) -> list[str]:
    created = [change for change in found if change.kind is Kind.CREATED and change.new and change.new.inputs]
    if not created:
        return []
    lines = ["", FOLD, ""]
    for change in created:
        lines.append(f"- {_title(change)}")
        inputs = change.new.inputs if change.new else {}
        lines += [f"  - {code(key)}: {show(value)}" for key, value in inputs.items() if key != "__defaults"]
    return [*lines, "", "</details>"]


def _title(change: Change) -> str:
    package, _, rest = change.type.partition(":")
    return f"**{code(change.name)}** ({code(package + ':' + rest.rpartition(':')[2])})"
