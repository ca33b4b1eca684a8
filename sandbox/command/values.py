"""Property values as the engine sends them: unknowns, nulls and plain Python values.

`pulumi.provider.experimental` leaves unknowns as the strings which the wire format reserves for them (UnknownStringValue and its
kin in pulumi's sdk/go/common/resource/plugin/rpc.go), and cannot send a `Computed` of its own: these helpers know the strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pulumi.provider.experimental.property_value import PropertyValue

Properties: TypeAlias = dict[str, PropertyValue]

_UNKNOWNS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string, and whatever has no type yet
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

UNKNOWN = PropertyValue("04da6b54-80e4-46f7-96ec-b56ff0331ba9")


def is_unknown(value: PropertyValue) -> bool:
    """Whether the value itself is not known yet (its parts are not looked at)."""
    return isinstance(value.value, str) and value.value in _UNKNOWNS


def is_array(value: PropertyValue) -> bool:
    """Whether the value is an array."""
    return isinstance(value.value, Sequence) and not isinstance(value.value, str)


def has_unknowns(value: PropertyValue) -> bool:
    """Whether the value or any part of it is not known yet."""
    if isinstance(value.value, Mapping):
        return any(has_unknowns(part) for part in value.value.values())
    if isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return any(has_unknowns(part) for part in value.value)
    return is_unknown(value)


def without_nulls(properties: Mapping[str, PropertyValue]) -> Properties:
    """The properties without those that are null, at any depth: an absent property and a null one are the same to a provider.

    Nulls in arrays stay, since they keep the places of the others (SkipNulls of pulumi-go-provider 1.3.0, provider.go).
    """
    return {name: _without_nulls(value) for name, value in properties.items() if value.value is not None}


def _without_nulls(value: PropertyValue) -> PropertyValue:
    if isinstance(value.value, Mapping):
        return PropertyValue(without_nulls(value.value), value.is_secret)
    if isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return PropertyValue([_without_nulls(part) for part in value.value], value.is_secret)
    return value


def plain(value: PropertyValue) -> Any:
    """The value as Python's own types, secrets laid open: for use, never for a message."""
    if isinstance(value.value, Mapping):
        return {name: plain(part) for name, part in value.value.items()}
    if isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return [plain(part) for part in value.value]
    return value.value
