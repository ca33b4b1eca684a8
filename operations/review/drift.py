"""The Markdown summary of drift: what the cloud has otherwise than the stack's state says."""

from __future__ import annotations

from operations.review.changes import Kind, Property, changes
from operations.review.data import HOLDS_DATA
from operations.review.events import Events
from operations.review.remedy import make
from operations.review.summary import cut, failure, first_line
from operations.review.values import code


def drift_summary(stack: str, pulumi: str, events: Events, outcome: str, printed: str = "") -> str:
    """The summary of a refresh that was only previewed.

    pulumi: the program that did it; outcome: "none", "found" or "failed"; printed: what the CLI printed as errors.
    """
    found = [change for change in changes(events.found) if change.kind in (Kind.CHANGED, Kind.DELETED, Kind.KEPT)]
    lines = [first_line("drift", stack, outcome), f"### Drift of {code(stack)}", ""]
    if outcome == "failed":
        lines += ["**Failed**: whether the cloud is as the stack left it is not known.", ""]
        lines += failure(events.errors, printed)
    elif outcome == "none":
        lines.append("None: the cloud is as the stack left it.")
    else:
        lines += [f"**{len(found)} of the stack's resources are not as it left them.**", ""]
    for change in found:
        lines.append(f"- **{code(change.name)}** ({code(change.type)}) {code(change.id)}")
        if change.kind is Kind.CHANGED:
            lines += [_property(one) for one in change.properties]
        else:
            lines.append("  - is gone")
            if change.type in HOLDS_DATA:
                lines.append("  - **it held data**: what `make up` makes anew is empty; restore it from a backup first")
    if found:
        lines += ["", *_remedies(stack, pulumi)]
    return cut("\n".join([*lines, ""]))


def _property(changed: Property) -> str:
    return f"  - {code(changed.path)}: wanted {changed.before}, found {changed.after}"


def _remedies(stack: str, pulumi: str) -> list[str]:
    preview, up = (code(make(target, stack, pulumi, "ARGS=--refresh")) for target in ("preview", "up"))
    refresh, nothing = (code(make(target, stack, pulumi)) for target in ("refresh", "preview"))
    return [
        "What to do:",
        "",
        f"- put it back as the configuration says: {preview} shows how, {up} does it. What is gone is made anew.",
        f"- keep what was found: change the configuration to it, {refresh}, until {nothing} shows no change.",
    ]
