"""A saved plan, with what else must be unchanged since its review.

The engine's plan has the operation and the inputs of each resource, and holds an `up` to them. It has neither the state that it was made
from, nor which resources are kept on deletion (pulumi 3.259, resource/deploy/plan.go). This module adds both to the file, under a key that
the engine ignores. Secrets in the file are encrypted by the stack's own secrets provider.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from operations.review.events import Step

_KEY = "review"
Outline = dict[str, list[str]]
"""URN to the steps of the resource, each as a text of what must stay the same."""


class PlanError(Exception):
    """A plan that cannot be applied; the message is for a person."""


@dataclass(frozen=True)
class Record:
    """What is added to a plan. state: digest of the state; outline: of the preview's steps."""

    stack: str
    state: str
    outline: Outline


def outline(steps: Iterable[Step]) -> Outline:
    """Return what an `up` must do. Values are left out: the engine compares them, and some differ in every preview."""
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
    """Return a digest of the resources and the pending operations that `pulumi stack export` printed."""
    deployment = json.loads(exported).get("deployment") or {}
    content = [deployment.get("resources") or [], deployment.get("pending_operations") or []]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def add(file: Path, record: Record) -> None:
    """Add the record to a plan that the engine saved."""
    plan = json.loads(file.read_text())
    file.write_text(json.dumps({**plan, _KEY: asdict(record)}, indent=1, sort_keys=True) + "\n")
    # It has the stack's secrets, encrypted.
    file.chmod(0o600)


def load(file: Path) -> Record:
    """Return the record of a plan. Raises PlanError."""
    try:
        return Record(**json.loads(file.read_text())[_KEY])
    except FileNotFoundError:
        raise PlanError(f"{file}: no such plan") from None
    except (KeyError, TypeError, ValueError):
        raise PlanError(f"{file} is not a plan of `make preview PLAN=…`") from None


def changed_configuration(reviewed: Path, now: Path) -> list[str]:
    """Return the configuration keys that differ between two plans; secrets are compared encrypted."""
    before, after = (_configuration(file) for file in (reviewed, now))
    return sorted(key for key in {**before, **after} if before.get(key) != after.get(key))


def changed_steps(reviewed: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> list[str]:
    """Return a sentence for each resource whose steps differ between two previews."""
    sentences = []
    for urn in sorted({**reviewed, **now}):
        # The order of one resource's steps counts. The engine works on several resources at once, in any order.
        before, after = (", then ".join(steps.get(urn, [])) or "nothing" for steps in (reviewed, now))
        if before != after:
            sentences.append(f"{urn.rsplit('::', 1)[-1]}: reviewed was {before}; now it is {after}")
    return sentences


def _configuration(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()).get("config") or {}
