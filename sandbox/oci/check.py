"""Whether inputs are what the SDK's annotations and the declarations say. No message holds a value: inputs may be secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.oci.declare import Check, Inputs
from sandbox.oci.errors import Problem
from sandbox.oci.sdk import Field, ListOf, MapOf, Object, Scalar, Type
from sandbox.oci.values import join, places
from sandbox.oci.wire import UNKNOWN, Properties

_WORDS = {"str": "a string", "bool": "a boolean", "int": "a whole number", "float": "a number"}


def typed(values: Properties, fields: Mapping[str, Field], place: str = "") -> Iterator[Problem]:
    """Unknown, missing and ill-typed members. What is not known yet passes."""
    for name in values.keys() - fields.keys():
        yield Problem(join(place, name), f"is not an input; valid inputs: {', '.join(sorted(fields))}")
    for name, field in fields.items():
        if name in values:
            yield from _value(values[name], field.type, join(place, name))
        elif field.required:
            yield Problem(join(place, name), "is required and missing")


def undone(values: Properties, fields: Mapping[str, Field], inputs: Inputs, place: str = "") -> Iterator[Problem]:
    """Members which the SDK has and the emulator does nothing with."""
    for name, value in values.items():
        here = join(place, name)
        if not inputs.knows(here):
            yield Problem(here, "is not supported by the sandbox's Oracle Cloud (sandbox/oci/README.md lists what is)")
            continue
        kind = fields[name].type
        if isinstance(kind, Object) and isinstance(value, dict):
            yield from undone(value, kind.fields, inputs, here)
        elif isinstance(kind, ListOf) and isinstance(kind.element, Object) and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    yield from undone(item, kind.element.fields, inputs, f"{here}[{index}]")


def each(values: Properties, checks: Mapping[str, Check]) -> Iterator[Problem]:
    """What the checks of single values find."""
    for path, check in checks.items():
        for place, value in places(values, path):
            if value is not UNKNOWN and (reason := check(value)):
                yield Problem(place, reason)


def _value(value: Any, kind: Type, place: str) -> Iterator[Problem]:
    if value is UNKNOWN:
        return
    match kind:
        case Object() if isinstance(value, dict):
            yield from typed(value, kind.fields, place)
        case ListOf(element) if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _value(item, element, f"{place}[{index}]")
        case MapOf(element) if isinstance(value, dict):
            for name, item in value.items():
                yield from _value(item, element, join(place, name))
        case Scalar(name) if _is(value, name):
            return
        case _:
            yield Problem(place, f"must be {_name(kind)}, not {_name_of(value)}")


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) or name == "bool":
        return isinstance(value, bool) and name == "bool"
    if name == "int":
        return isinstance(value, float | int) and float(value).is_integer()
    return isinstance(value, (float, int) if name == "float" else str)


def _name(kind: Type) -> str:
    match kind:
        case Scalar(name):
            return _WORDS.get(name, name)
        case ListOf():
            return "an array"
        case _:
            return "an object"


def _name_of(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number"
    return {dict: "an object", list: "an array", type(None): "null"}.get(
        type(value), _WORDS.get(type(value).__name__, "an asset")
    )
