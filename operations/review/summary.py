"""The Markdown summary of a preview or an `up`, for a pull request's comment."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from operations.review.changes import Change, Kind, Property, changes, of_outputs
from operations.review.data import HOLDS_DATA, take_over
from operations.review.events import CLUSTER, Events, Message
from operations.review.values import block, code, show

LIMIT = 60_000
"""Characters of a summary. GitHub takes 65,536 in a comment; the rest is for what a workflow writes around it."""
_LONGEST_MESSAGE = 8_000
_CUT = "\n\n*The rest is left out, since a comment has a limit: the preview's own output has all of it.*\n"
FOLD = "<details><summary>What is created, with its properties</summary>"
"""The one fold of a summary; .github/scripts/comment.py has to know it, too."""
NOTE = "sandbox: "
"""What begins a line on standard error that belongs into the summary."""
_VERBS = {
    Kind.CREATED: "created",
    Kind.ADOPTED: "taken over",
    Kind.CHANGED: "changed",
    Kind.REPLACED: "replaced",
    Kind.DELETED: "deleted",
    Kind.KEPT: "kept, but no longer managed",
    Kind.MOVED: "moved or with other options",
    Kind.READ: "read only",
}


def first_line(operation: str, stack: str, outcome: str) -> str:
    """The mark by which a workflow finds the comment and learns the outcome. Raises ValueError for what is no stack's name."""
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", stack):
        raise ValueError(f"{stack!r} is no name of a stack")
    return f"<!-- review: {operation} of {stack}: {outcome} -->"


def summary(operation: str, stack: str, events: Events, *, failed: bool, printed: str = "") -> str:
    """The summary of `operation` ("preview" or "up"). printed: as errors: notes, and why it failed without events."""
    found, outputs = changes(events.steps), of_outputs(events.outputs_before, events.outputs)
    outcome = "failed" if failed else "changes" if found or outputs else "nothing"
    head = [first_line(operation, stack, outcome), f"### {operation.capitalize()} of {code(stack)}", ""]
    head += _failure(events, printed) if failed else [_counts(operation, found, outputs, events)]
    head += _notes(printed)
    head += _data(operation, found) + _policies(events)
    tail = [*_outputs(outputs), *_warnings(events.warnings)]
    sections = _sections(found, partial(_with_properties, volume=_volume_without_cluster(found, events)))
    # The fold comes last: .github/scripts/comment.py takes all that follows for its content.
    for shown in ([*sections, *tail, *_inputs(found)], [*sections, *tail], [*_names_alone(found), *tail]):
        text = "\n".join([*head, *shown, ""])
        if len(text) <= LIMIT:
            return text
    return cut(text)


def cut(text: str) -> str:
    """The text up to the limit, at the end of a line, saying so."""
    if len(text) <= LIMIT:
        return text
    kept = text[: LIMIT - len(_CUT) - 10].rpartition("\n")[0]
    fences = re.findall(r"^(`{3,})(?:text)?$", kept, flags=re.MULTILINE)
    return kept + (f"\n{fences[-1]}" if len(fences) % 2 else "") + _CUT


def failure(messages: Sequence[Message], printed: str) -> list[str]:
    """Lines with the text of the errors."""
    told = [f"{message.resource}: {message.text}" if message.resource else message.text for message in messages]
    text = "\n\n".join(dict.fromkeys(told)) or printed.strip() or "The engine ended without a message."
    return [block(_shortened(text)), ""]


def _failure(events: Events, printed: str) -> list[str]:
    return ["**Failed.** What is below is as far as it came.", "", *failure(events.errors, printed)]


def _notes(printed: str) -> list[str]:
    """What the sandbox says of the stack's file (sandbox/pulumi_command.py)."""
    found = [line.removeprefix(NOTE) for line in printed.splitlines() if line.startswith(NOTE)]
    return [line for one in found for line in ("", "> [!NOTE]", f"> {code(one, _LONGEST_MESSAGE)}")]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}\n… ({len(text)} characters)"


def _counts(operation: str, found: Sequence[Change], outputs: Sequence[Property], events: Events) -> str:
    counted = [(kind, sum(change.kind is kind for change in found)) for kind in Kind]
    told = [f"{count} {_VERBS[kind]}" for kind, count in counted if count]
    same = {step.urn for step in events.steps if step.operation == "same"} - {change.urn for change in found}
    told += [f"{len(same)} unchanged"] if same else []
    told += [f"{len(outputs)} outputs differ" if len(outputs) > 1 else "1 output differs"] if outputs else []
    if not found and not outputs:
        return f"**Nothing {'changes' if operation == 'preview' else 'changed'}**" + (
            f", {len(same)} resources." if same else "."
        )
    return f"**{', '.join(told)}.**"


def _data(operation: str, found: Sequence[Change]) -> list[str]:
    endangered = [change for change in found if change.endangers_data]
    lost = [change for change in endangered if not change.retained]
    kept = [change for change in endangered if change.retained]
    tense = "goes" if operation == "preview" else "went"
    lines = []
    if lost:
        lines += ["", "> [!CAUTION]", f"> **Data {tense}** with what is deleted:"]
        lines += [f"> - {_title(change)}, {HOLDS_DATA[change.type]}, is {_VERBS[change.kind]}" for change in lost]
    if kept:
        lines += ["", "> [!WARNING]", "> **Data stay in the cloud, but the stack lets go of them:**"]
        lines += [f"> - {_title(change)}, {HOLDS_DATA[change.type]}, is {_VERBS[change.kind]}" for change in kept]
    return lines


def _policies(events: Events) -> list[str]:
    lines = []
    for broken in events.violations:
        strength = "mandatory" if broken.mandatory else "advisory"
        lines += [f"- {code(broken.policy)} ({strength}), {code(broken.resource or 'the stack')}", ""]
        lines += ["  " + line for line in block(_shortened(broken.text)).splitlines()]
    return ["", "#### Policies", "", *lines] if lines else []


def _warnings(warnings: Sequence[Message]) -> list[str]:
    if not warnings:
        return []
    texts = dict.fromkeys(f"{one.resource}: {one.text}" if one.resource else one.text for one in warnings)
    return ["", "#### Warnings", "", block(_shortened("\n".join(texts)))]


def _volume_without_cluster(found: Sequence[Change], events: Events) -> str:
    """The OCID of the volume behind the claim, where the stack's cluster goes; "" where it stays."""
    goes = any(change.type == CLUSTER and change.kind in (Kind.DELETED, Kind.REPLACED) for change in found)
    return str(events.outputs_before.get("dataVolumeId", "")) if goes else ""


def _outputs(outputs: Sequence[Property]) -> list[str]:
    return ["", "#### Outputs", "", *map(_property, outputs)] if outputs else []


def _names_alone(found: Sequence[Change]) -> list[str]:
    names = ["", "*Too much for a comment: without the properties.*"]
    return names + _sections(found, lambda change: [f"- {_title(change)}"])


def _sections(found: Sequence[Change], lines_of: Callable[[Change], list[str]]) -> list[str]:
    # What cannot be undone comes first.
    order = (Kind.DELETED, Kind.REPLACED, Kind.KEPT, Kind.CHANGED, Kind.ADOPTED, Kind.MOVED, Kind.CREATED, Kind.READ)
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
        lines += [f"  - {sentence}" for sentence in take_over(change.type, change.id, volume)]
    return lines


def _property(changed: Property) -> str:
    cause = "**, which makes the replacement necessary**" if changed.cause else ""
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
