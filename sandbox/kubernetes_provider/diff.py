"""What differs between the live object, cut to the shape of the old inputs, and the new inputs; and what that does.

Semantics: pulumi-kubernetes, provider/pkg/provider/provider.go, `Diff`, `convertPatchToDiff`, `patchConverter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.kubernetes_provider.normalize import pruned
from sandbox.kubernetes_provider.objects import UNKNOWN, Object, metadata, name, namespace, with_metadata
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


@dataclass(frozen=True)
class Diff:
    """changes: what differs; delete_before_replace: whether old and new object would have the same name."""

    changes: list[Change]
    delete_before_replace: bool


def changes(old: Object, new: Object, replacing: Sequence[str]) -> list[Change]:
    """All differences, in the order of their paths. replacing: paths whose change replaces the object."""
    found = []
    for path, what, value in _members((), old, new):
        found.append(Change(path, what, replaces(path, value, replacing)))
    return sorted(found, key=lambda change: change.place)


def comparable(old_inputs: Object, live: Object, new: Object, namespaced: bool) -> tuple[Object, Object]:
    """The live object cut to the shape of the old inputs, and the new inputs, with one way to write name, kind and namespace."""
    old = pruned(live, old_inputs)
    old = {**old, "apiVersion": old.get("apiVersion", new["apiVersion"]), "kind": old.get("kind", new["kind"])}
    if namespaced:
        old = with_metadata(old, namespace=namespace(old) or "default")
        if metadata(new).get("namespace") is not UNKNOWN:
            new = with_metadata(new, namespace=namespace(new) or "default")
    else:
        old, new = with_metadata(old, namespace=""), with_metadata(new, namespace="")
    return (with_metadata(old, name=name(live)) if name(new) else old), new


def is_ignored(changed: str, ignored: Sequence[str]) -> bool:
    """Whether `ignore_changes` names the place or one above it."""
    return any(changed == one or changed.startswith((f"{one}.", f"{one}[")) for one in ignored)


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
    for key in [*new, *(key for key in old if key not in new)]:
        yield from _value((*path, key), old.get(key, _MISSING), new.get(key, _MISSING))
