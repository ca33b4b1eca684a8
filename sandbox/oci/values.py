"""Walks through nested properties along paths.

A path such as `ingressSecurityRules.tcpOptions.min` leaves the indices of arrays out and so stands for every element; a place such as
`ingressSecurityRules[0].tcpOptions.min` is one value, in the engine's notation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.oci.wire import Properties


def join(place: str, name: str) -> str:
    """The place of a member (source of the notation: pulumi, sdk/go/common/resource/property_path.go)."""
    if not re.fullmatch(r"\w+", name):
        return f'{place}["{name}"]'
    return f"{place}.{name}" if place else name


def path_of(place: str) -> str:
    """The path that leads to this place."""
    named = re.sub(r'\["(.*?)"\]', r".\1", place)
    return re.sub(r"\[\d+\]", "", named).lstrip(".")


def places(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value at the end of the path, with its place. What is absent or unknown on the way yields nothing."""
    yield from _places(value, path.split("."), "")


def _places(value: Any, names: list[str], place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, names, f"{place}[{index}]")
    elif not names:
        yield place, value
    elif isinstance(value, Mapping) and names[0] in value:
        yield from _places(value[names[0]], names[1:], join(place, names[0]))


def at(value: Any, path: str) -> list[Any]:
    """Every value at the end of the path."""
    return [found for _, found in places(value, path)]


def fill(properties: Properties, defaults: Mapping[str, Any]) -> Properties:
    """The properties with the value of each path in `defaults` put in wherever its object is given without it."""
    for path, default in defaults.items():
        properties = _fill(properties, path.split("."), default)
    return properties


def _fill(value: Any, names: list[str], default: Any) -> Any:
    if isinstance(value, list):
        return [_fill(item, names, default) for item in value]
    if not isinstance(value, Mapping):
        return value
    if len(names) == 1:
        return {names[0]: default, **value}
    return {**value, names[0]: _fill(value[names[0]], names[1:], default)} if names[0] in value else dict(value)


def merge(under: Properties, over: Properties) -> Properties:
    """`over` on top of `under`, object by object; arrays and plain values of `over` replace those below."""
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
