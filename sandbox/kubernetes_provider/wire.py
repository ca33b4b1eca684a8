"""Properties as the engine sends them, to plain objects and back; which of them are secret; the state's own keys.

Semantics: pulumi-kubernetes, provider/pkg/provider/provider.go, `annotateSecrets`, `checkpointObject`, `parseCheckpointObject`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.kubernetes_provider.objects import Object
from sandbox.oci import wire as plain_wire

Properties: TypeAlias = dict[str, PropertyValue]

INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"


def to_object(properties: Mapping[str, PropertyValue]) -> Object:
    """As plain values, secrets laid open, nulls left out. Whole numbers are ints, since JSON has them as such."""
    return {name: _whole(value) for name, value in plain_wire.plain(properties).items()}


def from_object(obj: Mapping[str, Any]) -> Properties:
    """Plain values as properties; nothing is secret yet."""
    return plain_wire.wire({name: value for name, value in obj.items() if value is not None})


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def like(outs: Properties, ins: Mapping[str, PropertyValue]) -> Properties:
    """`outs` with the secretness of `ins`. Data and stringData of a Secret are secret whatever `ins` say.

    An array that holds a secret is secret as a whole, since its elements may move.
    """
    kind = outs.get("kind")
    if kind is not None and kind.value == "Secret":
        return {name: v.with_secret(True) if name in ("data", "stringData") else v for name, v in outs.items()}
    marked = dict(outs)
    for name, given in ins.items():
        value = outs.get(name)
        if value is None:
            continue
        if _is_object(value) and _is_object(given):
            marked[name] = PropertyValue(like(dict(value.value), given.value), value.is_secret)  # type: ignore[call-overload, arg-type]
        elif contains_secret(given):
            marked[name] = value.with_secret(True)
    return marked


def _is_object(value: PropertyValue) -> bool:
    return isinstance(value.value, Mapping) and not value.is_secret


def contains_secret(value: PropertyValue) -> bool:
    """Whether the value or any part of it is secret."""
    return value.contains_secret()


def secret_texts(properties: Mapping[str, PropertyValue]) -> set[str]:
    """Every string that is secret, to be kept out of messages."""
    return {text for value in properties.values() for text in _secret_texts(value, False)}


def _secret_texts(value: PropertyValue, secret: bool) -> Iterator[str]:
    secret = secret or value.is_secret
    if isinstance(value.value, Mapping):
        for part in value.value.values():
            yield from _secret_texts(part, secret)
    elif isinstance(value.value, Sequence) and not isinstance(value.value, str):
        for part in value.value:
            yield from _secret_texts(part, secret)
    elif secret and isinstance(value.value, str) and value.value:
        yield value.value


def checkpoint(
    inputs: Object, live: Object, given: Mapping[str, PropertyValue], api_version: str, field_manager: str
) -> Properties:
    """The state of a resource: the live object, and beside it the inputs and what the next request has to know.

    given: the properties whose secretness counts.
    """
    state = like(from_object(live), given)
    state[INPUTS] = PropertyValue(like(from_object(inputs), given))
    state[INITIAL_API_VERSION] = PropertyValue(api_version)
    state[FIELD_MANAGER] = PropertyValue(field_manager)
    return state


def parse_checkpoint(state: Mapping[str, PropertyValue]) -> tuple[Object, Object]:
    """Inputs and live object of a state."""
    live = to_object(state)
    inputs = live.pop(INPUTS, {})
    return inputs, live
