"""The Markdown summary of drift: how the cloud differs from the stack's state."""

from __future__ import annotations

from operations.review.changes import Kind, Property, changes
from operations.review.events import Events
from operations.review.remedy import make
from operations.review.summary import cut, failure, first_line
from operations.review.values import code
from specs.resource_types import HOLDS_DATA


def drift_summary(stack: str, pulumi: str, events: Events, outcome: str, printed: str = "") -> str:
    """Return the summary of a previewed refresh.

    pulumi: the program that did it; outcome: "none", "found" or "failed"; printed: what the CLI printed as errors.
    """
    found = [change for change in changes(events.found) if change.kind in (Kind.CHANGED, Kind.DELETED, Kind.KEPT)]
    lines = [first_line("drift", stack, outcome), f"### Drift of {code(stack)}", ""]
    if outcome == "failed":
        lines += ["**Failed**: the comparison of the cloud with the stack did not finish.", ""]
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
                lines.append("  - **it held data**: `make up` creates an empty one; restore the data from a backup")
    if found:
        lines += ["", *_remedies(stack, pulumi)]
    return cut("\n".join([*lines, ""]))


def _property(changed: Property) -> str:
    return f"  - {code(changed.path)}: wanted {changed.before}, found {changed.after}"


def _remedies(stack: str, pulumi: str) -> list[str]:
    preview, up = (code(make(target, stack, pulumi, "ARGS=--refresh")) for target in ("preview", "up"))
    refresh, plain_preview = (code(make(target, stack, pulumi)) for target in ("refresh", "preview"))
    return [
        "What to do:",
        "",
        f"- To restore what the configuration says: {preview} shows the steps, {up} does them. It creates again what is gone.",
        f"- To keep what was found: change the configuration, then run {refresh}, until {plain_preview} shows no change.",
    ]
