"""Property values as the engine sends them: unknowns, nulls and plain Python values.

`pulumi.provider.experimental` leaves unknowns as the reserved strings of the wire format (UnknownStringValue and others in pulumi's
sdk/go/common/resource/plugin/rpc.go) and cannot send a `Computed`. These helpers use the strings.
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
    """Return whether the value itself is unknown, regardless of its parts."""
    return isinstance(value.value, str) and value.value in _UNKNOWNS


def is_array(value: PropertyValue) -> bool:
    """Return whether the value is an array."""
    return isinstance(value.value, Sequence) and not isinstance(value.value, str)


def has_unknowns(value: PropertyValue) -> bool:
    """Return whether the value or a part of it is unknown."""
    if isinstance(value.value, Mapping):
        return any(has_unknowns(part) for part in value.value.values())
    if isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return any(has_unknowns(part) for part in value.value)
    return is_unknown(value)


def without_nulls(properties: Mapping[str, PropertyValue]) -> Properties:
    """Remove null properties at any depth: to a provider, a null property is an absent one.

    Nulls in arrays stay, because they keep the positions of the others (SkipNulls of pulumi-go-provider 1.3.0, provider.go).
    """
    return {name: _without_nulls(value) for name, value in properties.items() if value.value is not None}


def _without_nulls(value: PropertyValue) -> PropertyValue:
    if isinstance(value.value, Mapping):
        return PropertyValue(without_nulls(value.value), value.is_secret)
    if isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return PropertyValue([_without_nulls(part) for part in value.value], value.is_secret)
    return value


def plain(value: PropertyValue) -> Any:
    """Return the value as Python types, with plain secrets: never use it in a message."""
    if isinstance(value.value, Mapping):
        return {name: plain(part) for name, part in value.value.items()}
    if isinstance(value.value, Sequence) and not isinstance(value.value, str):
        return [plain(part) for part in value.value]
    return value.value
