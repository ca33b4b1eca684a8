"""What differs between the live object, cut to the shape of the old inputs, and the new inputs; and what that does.

Semantics: pulumi-kubernetes, provider/pkg/provider/provider.go, `Diff`, `convertPatchToDiff`, `patchConverter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.kubernetes_provider.objects import UNKNOWN, Object
from sandbox.kubernetes_provider.replacement import replaces

What = Literal["ADD", "DELETE", "UPDATE"]
_MISSING = object()


@dataclass(frozen=True)
class Change:
    """One difference. path: names and indices; input_diff: whether it is told as one of the inputs."""

    path: tuple[str | int, ...]
    what: What
    replaces: bool

    @property
    def input_diff(self) -> bool:
        """The official plugin marks deletions alone so."""
        return self.what == "DELETE"

    @property
    def place(self) -> str:
        """The path as the engine writes it."""
        return place(self.path)


def changes(old: Object, new: Object, replacing: Sequence[str]) -> list[Change]:
    """All differences, in the order of their paths. replacing: paths whose change replaces the object."""
    found = []
    for path, what, value in _members((), old, new):
        found.append(Change(path, what, replaces(path, value, replacing)))
    return sorted(found, key=lambda change: change.place)


def place(path: Sequence[str | int]) -> str:
    """`spec.containers[0].image`; a name with a dot or bracket is quoted: `metadata.annotations["pulumi.com/skipAwait"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(character in step for character in '."[]'):
            quoted = step.replace('"', '\\"')
            text += f'["{quoted}"]'
        else:
            text += f".{step}" if text else step
    return text


def _value(path: tuple[str | int, ...], old: Any, new: Any) -> Iterator[tuple[tuple[str | int, ...], What, Any]]:
    if new is _MISSING:
        yield path, "DELETE", None
    elif old is _MISSING:
        yield path, "ADD", None if new is UNKNOWN else new
    elif new is UNKNOWN:
        yield path, "UPDATE", None
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _members(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else _MISSING
            yield from _value((*path, index), before, new[index] if index < len(new) else _MISSING)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, "UPDATE", new


def _members(
    path: tuple[str | int, ...], old: Object, new: Object
) -> Iterator[tuple[tuple[str | int, ...], What, Any]]:
    for name in [*new, *(name for name in old if name not in new)]:
        yield from _value((*path, name), old.get(name, _MISSING), new.get(name, _MISSING))
