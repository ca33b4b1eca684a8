"""Property values of the engine as plain Python values, and back.

`PropertyValue.unmarshal` leaves an unknown as the string that stands for it on the wire, and cannot send one: here it is `UNKNOWN`.
Secrets do not arrive: the provider says in Configure that it takes none, and then the engine sends plain values and marks the outputs
of the same names secret itself (source: pulumi, sdk/go/common/resource/plugin/provider_plugin.go, annotateSecrets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue

Properties = dict[str, Any]


class Unknown:
    """A value that is not known before something else is made."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()

# One for each type of value (source: pulumi, sdk/go/common/resource/plugin/rpc.go, Unknown…Value); the third is sent.
_UNKNOWNS = (
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
)


def plain(properties: Mapping[str, PropertyValue]) -> Properties:
    """As plain values, without what is null: to a provider, null and absent are the same."""
    return {name: _plain(value) for name, value in properties.items() if value.value is not None}


def wire(properties: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """Plain values as the engine wants them."""
    return {name: _wire(value) for name, value in properties.items()}


def _plain(value: PropertyValue) -> Any:
    match value.value:
        case str() as text:
            return UNKNOWN if text in _UNKNOWNS else text
        case Mapping() as members:
            return plain(members)
        case Sequence() as items:
            return [_plain(item) for item in items]
        case other:
            return other


def _wire(value: Any) -> PropertyValue:
    match value:
        case Unknown():
            return PropertyValue(_UNKNOWNS[2])
        case dict():
            return PropertyValue(wire(value))
        case list():
            return PropertyValue([_wire(item) for item in value])
        case int() if not isinstance(value, bool):
            return PropertyValue(float(value))
        case _:
            return PropertyValue(value)
