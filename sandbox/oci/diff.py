"""What differs between the cloud's state and the inputs, and what that does.

As Terraform compares: state against configuration. An input that is left out is a difference only where Terraform's schema does not call
it computed as well; arrays that are sets there are compared as sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.provider.experimental.provider import PropertyDiffKind

from sandbox.oci.declare import How, Inputs
from sandbox.oci.sdk import Field, ListOf, MapOf, Object, Type
from sandbox.oci.values import join
from sandbox.oci.wire import UNKNOWN, Properties

META = "__meta"
REPLACING = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}


@dataclass(frozen=True)
class Change:
    """One difference. place: as in `metadata.user_data`; custom: the provider's CustomizeDiff replaces the resource for it."""

    place: str
    kind: PropertyDiffKind
    custom: bool = False

    @property
    def key(self) -> str:
        """The name of the resource's own property."""
        return self.place.split(".")[0].split("[")[0]

    @property
    def replaces(self) -> bool:
        """Whether it needs another resource."""
        return self.kind in REPLACING.values()


def changes(old: Properties, new: Properties, fields: Mapping[str, Field], inputs: Inputs) -> list[Change]:
    """All differences, in the order of the SDK's members. old: the state, outputs included; new: the inputs.

    Where a CustomizeDiff alone makes the replacement necessary, `__meta` is its cause (pulumi-terraform-bridge, MakeDetailedDiffV2).
    """
    found = list(_Comparison(inputs).members(old, new, fields, ""))
    if any(change.custom for change in found) and not any(change.replaces for change in found):
        found.append(Change(META, PropertyDiffKind.UPDATE_REPLACE))
    return found


def as_given(old: Properties, given: Properties, fields: Mapping[str, Field], inputs: Inputs) -> Properties:
    """The inputs that describe the state `old`: as given where nothing differs, else the state's value. All of them, when none are given.

    So a refresh shows drift and, without any, changes nothing (as pulumi-terraform-bridge's ExtractInputsFromOutputs).
    """
    names = given or {name: None for name in fields if old.get(name) not in (None, "", [], {}) and inputs.knows(name)}
    found = {}
    for name, value in names.items():
        if name not in fields or name not in old:
            continue
        differs = value is None or any(_Comparison(inputs).value(old[name], value, fields[name].type, name))
        kind = fields[name].type
        if differs and isinstance(kind, Object) and isinstance(value, dict) and isinstance(old[name], dict):
            nested = {member: old[name][member] for member in value if member in old[name]}
            found[name] = nested
        else:
            found[name] = old[name] if differs else value
    return found


@dataclass(frozen=True)
class _Comparison:
    inputs: Inputs

    def members(self, old: Properties, new: Properties, fields: Mapping[str, Field], place: str) -> Iterator[Change]:
        for name, field in fields.items():
            here = join(place, name)
            if name in new:
                yield from self.value(old.get(name), new[name], field.type, here)
            elif old.get(name) and not self.inputs.how(here) & How.KEEP and self.inputs.knows(here):
                yield self.change(here, PropertyDiffKind.DELETE)

    def value(self, old: Any, new: Any, kind: Type, place: str) -> Iterator[Change]:
        if new is UNKNOWN:
            yield self.change(place, PropertyDiffKind.UPDATE)
            return
        match kind:
            case Object():
                yield from self.members(old or {}, new, kind.fields, place)
            case MapOf():
                yield from self.entries(old or {}, new, place)
            case ListOf(element):
                yield from self.items(old or [], new, element, place)
            case _ if not self.same(old, new, place):
                yield self.change(place, PropertyDiffKind.ADD if old is None else PropertyDiffKind.UPDATE)

    def entries(self, old: Properties, new: Properties, place: str) -> Iterator[Change]:
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                yield self.change(join(place, name), PropertyDiffKind.DELETE)
            elif name not in old:
                yield self.change(join(place, name), PropertyDiffKind.ADD)
            elif old[name] != new[name]:
                yield self.change(join(place, name), PropertyDiffKind.UPDATE)

    def items(self, old: list[Any], new: list[Any], element: Type, place: str) -> Iterator[Change]:
        if self.inputs.how(place) & How.SET:
            left = list(old)
            for item in new:
                twin = next((other for other in left if not any(self.value(other, item, element, place))), None)
                if twin is not None:
                    left.remove(twin)
            if left or len(old) != len(new):
                yield self.change(place, PropertyDiffKind.UPDATE)
        elif len(old) != len(new):
            yield self.change(place, PropertyDiffKind.UPDATE)
        else:
            for index, (before, after) in enumerate(zip(old, new, strict=True)):
                yield from self.value(before, after, element, f"{place}[{index}]")

    def same(self, old: Any, new: Any, place: str) -> bool:
        if isinstance(old, str) and isinstance(new, str) and self.inputs.how(place) & How.ANY_CASE:
            return old.lower() == new.lower()
        # True == 1.0 in Python, and they are different values here.
        return old == new and isinstance(old, bool) == isinstance(new, bool)

    def change(self, place: str, kind: PropertyDiffKind) -> Change:
        how = self.inputs.how(place)
        return Change(place, REPLACING[kind] if how & How.REPLACE else kind, bool(how & How.CUSTOM))
