"""A saved plan, and what else must be as it was when it was reviewed.

The engine's plan has the operation and the inputs of each resource, and holds an `up` to them. It does not have the state it was made on,
nor which resources are kept when they are deleted (pulumi 3.259, resource/deploy/plan.go). Both are added to the file, under a key of ours
which the engine does not read. Secrets are in it as the stack's own secrets provider encrypts them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.review.events import Step

_KEY = "review"
Outline = dict[str, list[str]]
"""URN to the steps of the resource, each with what must be the same of it."""


class PlanError(Exception):
    """A plan which cannot be applied; the message is for a person."""


@dataclass(frozen=True)
class Record:
    """What is added to a plan. stack: whose; state: digest of the state; outline: of the preview's steps."""

    stack: str
    state: str
    outline: Outline


def outline(steps: Iterable[Step]) -> Outline:
    """What an `up` has to do as the preview said. Not the values: those the engine compares, and some are made anew each time."""
    found: Outline = {}
    for step in steps:
        parts = [step.operation]
        if step.old and step.old.id:
            parts.append(f"of {step.old.id}")
        if step.replace_keys:
            parts.append(f"because of {', '.join(sorted(step.replace_keys))}")
        changed = sorted({*step.detailed} or {*step.changed_keys})
        if changed:
            parts.append(f"changing {', '.join(changed)}")
        for state, when in ((step.old, "before"), (step.new, "after")):
            if state:
                parts += [f"kept on deletion {when}"] * state.retained + [f"protected {when}"] * state.protected
        found.setdefault(step.urn, []).append("; ".join(parts))
    return found


def state_digest(exported: str) -> str:
    """Digest of what `pulumi stack export` printed: of the resources and of what was interrupted, not of when it was written."""
    deployment = json.loads(exported).get("deployment") or {}
    content = [deployment.get("resources") or [], deployment.get("pending_operations") or []]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def add(file: Path, record: Record) -> None:
    """Add the record to a plan which the engine saved."""
    plan = json.loads(file.read_text())
    added = {"stack": record.stack, "state": record.state, "outline": record.outline}
    file.write_text(json.dumps({**plan, _KEY: added}, indent=1, sort_keys=True) + "\n")
    # As it has, encrypted, what the stack's secrets are.
    file.chmod(0o600)


def load(file: Path) -> Record:
    """The record of a plan. Raises PlanError."""
    try:
        added = json.loads(file.read_text())[_KEY]
        return Record(added["stack"], added["state"], added["outline"])
    except FileNotFoundError:
        raise PlanError(f"there is no plan {file}") from None
    except (KeyError, TypeError, ValueError):
        raise PlanError(f"{file} is no plan of `make preview PLAN=…`") from None


def moved_configuration(reviewed: Path, now: Path) -> list[str]:
    """Keys of the configuration that differ between two plans; secrets by what they are encrypted to."""
    before, after = (_configuration(file) for file in (reviewed, now))
    return sorted(key for key in {**before, **after} if before.get(key) != after.get(key))


def moved_steps(reviewed: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> list[str]:
    """What another preview tells otherwise, a sentence a resource."""
    sentences = []
    for urn in sorted({**reviewed, **now}):
        before, after = reviewed.get(urn, []), now.get(urn, [])
        # The order is the engine's, which is at several resources at once; of one resource it is a part of what is done.
        if before != after:
            name = urn.rsplit("::", 1)[-1]
            sentences.append(f"{name}: reviewed was {_told(before)}; now it is {_told(after)}")
    return sentences


def _told(steps: list[str]) -> str:
    return ", then ".join(steps) or "nothing"


def _configuration(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()).get("config") or {}
