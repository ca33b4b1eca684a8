"""Whether inputs are what the SDK's annotations say. No message holds a value: inputs may be secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.kubernetes_provider.diff import place
from sandbox.kubernetes_provider.objects import UNKNOWN
from sandbox.kubernetes_provider.sdk import Field, ListOf, Literal, MapOf, Scalar, Structure, Type

_WORDS = {"str": "a string", "bool": "a boolean", "int": "a whole number", "float": "a number"}
_Path = tuple[str | int, ...]


def problems(values: Mapping[str, Any], fields: Mapping[str, Field], path: _Path = ()) -> Iterator[str]:
    """Unknown, missing and ill-typed members, each with its path. What is not known yet passes."""
    for name in values:
        if name not in fields:
            yield f"{place((*path, name))} is not a property; valid properties: {', '.join(sorted(fields))}"
    for name, field in fields.items():
        if name in values:
            yield from _value(values[name], field.type, (*path, name))
        elif field.required:
            yield f"{place((*path, name))} is required and missing"


def _value(value: Any, kind: Type, path: _Path) -> Iterator[str]:
    if value is UNKNOWN:
        return
    match kind:
        case Structure() if isinstance(value, dict):
            yield from problems(value, kind.fields, path)
        case ListOf(element) if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _value(item, element, (*path, index))
        case MapOf(element) if isinstance(value, dict):
            for name, item in value.items():
                yield from _value(item, element, (*path, name))
        case Literal(texts) if value in texts:
            return
        case Scalar(names) if any(_is(value, name) for name in names):
            return
        case _:
            yield f"{place(path)} must be {_name(kind)}, not {_name_of(value)}"


def _is(value: Any, name: str) -> bool:
    if name == "Any":
        return True
    if isinstance(value, bool) or name == "bool":
        return isinstance(value, bool) and name == "bool"
    if name == "int":
        return isinstance(value, int)
    return isinstance(value, (float, int) if name == "float" else str)


def _name(kind: Type) -> str:
    match kind:
        case Scalar(names):
            return " or ".join(_WORDS.get(name, name) for name in names)
        case Literal(texts):
            return " or ".join(f'"{text}"' for text in texts)
        case ListOf():
            return "an array"
        case _:
            return "an object"


def _name_of(value: Any) -> str:
    words = {dict: "an object", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return words.get(type(value), "an asset") if not isinstance(value, str) else "a string"
