"""The change of each resource, from the steps of a preview or an `up`: one change a resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from operations.review.events import State, Step
from operations.review.values import ABSENT, SECRET, at, is_secret, show, show_both
from specs.resource_types import HOLDS_DATA


class Kind(Enum):
    """What happens to a resource. The value is the heading in a summary."""

    CREATED = "Created"
    ADOPTED = "Adopted"
    CHANGED = "Changed"
    REPLACED = "Replaced"
    DELETED = "Deleted"
    KEPT = "Kept in the cloud, no longer managed"
    MOVED = "Moved, or with other options"


@dataclass(frozen=True)
class Property:
    """A property that differs. before, after: code spans; cause: it causes the replacement."""

    path: str
    before: str
    after: str
    cause: bool = False


@dataclass(frozen=True)
class Change:
    """The change of one resource.

    id: in the cloud, of the old one if there are two, "" before the creation; notes: short sentences; retained: the old one stays in the
    cloud.
    """

    kind: Kind
    name: str
    type: str
    urn: str
    id: str = ""
    properties: tuple[Property, ...] = ()
    notes: tuple[str, ...] = ()
    retained: bool = False
    new: State | None = field(default=None, compare=False, repr=False)

    @property
    def endangers_data(self) -> bool:
        """Whether something that holds data is deleted, or is no longer managed."""
        return self.kind in (Kind.REPLACED, Kind.DELETED, Kind.KEPT) and self.type in HOLDS_DATA


_KINDS = {
    "create": Kind.CREATED,
    "import": Kind.ADOPTED,
    "update": Kind.CHANGED,
    "delete": Kind.DELETED,
    "delete-replaced": Kind.DELETED,
    "same": Kind.MOVED,
}
_REPLACEMENT = {"create-replacement", "replace", "import-replacement", "remove-pending-replace"}


def changes(steps: Iterable[Step]) -> list[Change]:
    """Return the changes, sorted by name; the engine's order varies. An unchanged resource is left out."""
    by_urn: dict[str, list[Step]] = {}
    for step in steps:
        by_urn.setdefault(step.urn, []).append(step)
    found: list[Change] = []
    for of_resource in by_urn.values():
        replaced = {step.old.id for step in of_resource if step.operation in _REPLACEMENT and step.old}
        # The steps of a replacement are one change. The late deletion of what an earlier `up` replaced is another one.
        together = [
            step
            for step in of_resource
            if step.operation in _REPLACEMENT
            or (step.operation == "delete-replaced" and step.old and step.old.id in replaced)
        ]
        if together:
            found.append(_replacement(together))
        others = [_single(step) for step in of_resource if step not in together]
        found += [change for change in others if change]
    return sorted(found, key=lambda change: (change.name, change.urn))


def _replacement(steps: list[Step]) -> Change:
    first = next((step for step in steps if step.operation in ("replace", "create-replacement")), steps[0])
    operations = [step.operation for step in steps]
    old = next((step.old for step in steps if step.operation == "delete-replaced" and step.old), first.old)
    properties = _properties(first)
    notes = []
    if not any(changed.cause for changed in properties):
        notes.append(_cause_elsewhere(first))
    created = next((place for place, name in enumerate(operations) if name.startswith("create")), len(operations))
    if "delete-replaced" in operations[:created]:
        notes.append("the old one is deleted first")
    retained = bool(old and old.retained)
    if retained:
        notes.append("the old one is kept in the cloud")
    return Change(
        Kind.REPLACED,
        first.name,
        first.type,
        first.urn,
        old.id if old else "",
        properties,
        tuple(notes),
        retained,
        first.new,
    )


def _cause_elsewhere(step: Step) -> str:
    if step.old and step.new and step.old.provider != step.new.provider:
        return "because its provider is another one"
    return "none of its own properties is the cause: it follows a resource that is replaced, or the replacement was requested"


def _single(step: Step) -> Change | None:
    kind = _KINDS.get(step.operation)
    notes: tuple[str, ...] = ()
    state = step.old or step.new
    if kind in (Kind.CHANGED, Kind.ADOPTED, Kind.MOVED):
        notes = _options(step)
    if kind is Kind.ADOPTED:
        state = step.new
    if kind is Kind.DELETED and step.old:
        kind = Kind.KEPT if step.old.retained else Kind.DELETED
        notes = ("an earlier `up` replaced it and ended before its deletion",) if step.old.pending else ()
    if kind is None or (kind is Kind.MOVED and not notes):
        return None
    return Change(
        kind,
        step.name,
        step.type,
        step.urn,
        state.id if state else "",
        _properties(step) if kind in (Kind.CHANGED, Kind.ADOPTED) else (),
        notes,
        kind is Kind.KEPT,
        step.new,
    )


def _options(step: Step) -> tuple[str, ...]:
    """Return notes on differences that are not properties."""
    old, new = step.old, step.new
    if not old or not new:
        return ()
    notes = []
    if old.urn != new.urn:
        # Without stack and project, which cannot change.
        notes.append(f"was {show(old.urn.split('::', 2)[2])}")
    if old.protected != new.protected:
        notes.append("protected from now on" if new.protected else "no longer protected")
    if old.retained != new.retained:
        notes.append("will be kept when it is deleted" if new.retained else "will no longer be kept when it is deleted")
    was, now = _provider(old), _provider(new)
    # A newer SDK gives every resource another default provider, which changes none of them.
    if was and now and was != now and not (was.startswith("default") and now.startswith("default")):
        notes.append(f"its provider was {show(was)}, now is {show(now)}")
    return tuple(notes)


def _provider(state: State) -> str:
    """The provider's name; its reference is its URN and its id."""
    return state.provider.rpartition("::")[0].rpartition("::")[2]


def _properties(step: Step) -> tuple[Property, ...]:
    causes = {path for path, kind in step.detailed.items() if kind.endswith("-replace")}
    cause_roots, roots = {_root(path) for path in causes}, {_root(path) for path in step.detailed}
    # The provider may report the key alone, or keys that are not in the details.
    keys = dict.fromkeys(key for key in (*step.changed_keys, *step.replace_keys) if key not in roots)
    found = []
    for path in (*step.detailed, *keys):
        cause = path in causes or (_root(path) in step.replace_keys and _root(path) not in cause_roots)
        found.append(Property(path, *_both(path, step.old, step.new), cause))
    return tuple(found)


def of_outputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Property, ...]:
    """Return the differences between two mappings of a stack's outputs, sorted by name."""
    values = {name: (before.get(name, ABSENT), after.get(name, ABSENT)) for name in sorted({*before, *after})}
    return tuple(Property(name, *_shown(*both)) for name, both in values.items() if both[0] != both[1])


def _both(path: str, old: State | None, new: State | None) -> tuple[str, str]:
    return _shown(_value(path, old), _value(path, new))


def _shown(before: object, after: object) -> tuple[str, str]:
    # A value that is secret on one side only may be the same on the other.
    if is_secret(before) or is_secret(after):
        return show(before if before == ABSENT else SECRET), show(after if after == ABSENT else SECRET)
    return show_both(before, after)


def _value(path: str, state: State | None) -> object:
    if not state:
        return ABSENT
    value = at(path, state.inputs)
    return at(path, state.outputs) if value == ABSENT else value


def _root(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
