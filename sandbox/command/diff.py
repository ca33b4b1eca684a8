"""Finds differing properties of two sets of inputs, and whether they update or replace the resource.

The comparison is that of pulumi-go-provider 1.3.0 (infer/resource.go, `diff`), which compares as pulumi's PropertyMap.Diff and
asks for a replacement only when `triggers` as a whole comes, goes or changes its kind. A changed element of `triggers` replaces
because the SDK asks the engine for `replace_on_changes=["triggers[*]"]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import DiffResponse, PropertyDiff, PropertyDiffKind

from sandbox.command.values import is_array, is_unknown

_REPLACING = "triggers"
_AS_REPLACE = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]+")


def diff(old: Mapping[str, PropertyValue], new: Mapping[str, PropertyValue]) -> DiffResponse:
    """Compare two sets of inputs without nulls. A secret and an unknown are compared as a whole."""
    kinds: dict[str, PropertyDiffKind] = {}
    for name in sorted(old.keys() | new.keys()):
        kinds.update(_diff_member(name, old.get(name), new.get(name)))
    if _REPLACING in kinds:
        kinds[_REPLACING] = _AS_REPLACE[kinds[_REPLACING]]
    heads = [re.split(r"[.\[]", path, maxsplit=1)[0] for path in kinds]
    return DiffResponse(
        changes=bool(kinds),
        replaces=[path for path, kind in kinds.items() if kind in _AS_REPLACE.values()],
        diffs=sorted(set(heads)),
        detailed_diff={path: PropertyDiff(kind, input_diff=False) for path, kind in kinds.items()},
    )


def equal(old: PropertyValue, new: PropertyValue) -> bool:
    """Return whether two values and their secretness are equal. An unknown value equals nothing."""
    return not _diff_value("", old, new)


def _diff_member(path: str, old: PropertyValue | None, new: PropertyValue | None) -> dict[str, PropertyDiffKind]:
    if old is None:
        return {path: PropertyDiffKind.ADD}
    if new is None:
        return {path: PropertyDiffKind.DELETE}
    return _diff_value(path, old, new)


def _diff_value(path: str, old: PropertyValue, new: PropertyValue) -> dict[str, PropertyDiffKind]:
    if old.is_secret or new.is_secret:
        same = old.is_secret and new.is_secret and equal(old.with_secret(False), new.with_secret(False))
        return {} if same else {path: PropertyDiffKind.UPDATE}
    if isinstance(old.value, Mapping) and isinstance(new.value, Mapping):
        kinds: dict[str, PropertyDiffKind] = {}
        for key in sorted(old.value.keys() | new.value.keys()):
            kinds.update(_diff_member(_join(path, key), old.value.get(key), new.value.get(key)))
        return kinds
    if is_array(old) and is_array(new):
        return _diff_arrays(path, old.value, new.value)  # type: ignore[arg-type]
    # True == 1.0 in Python, and they are different values here.
    same = type(old.value) is type(new.value) and old.value == new.value
    return {} if same and not is_unknown(new) else {path: PropertyDiffKind.UPDATE}


def _diff_arrays(path: str, old: Sequence[PropertyValue], new: Sequence[PropertyValue]) -> dict[str, PropertyDiffKind]:
    kinds: dict[str, PropertyDiffKind] = {}
    for index in range(max(len(old), len(new))):
        before = old[index] if index < len(old) else None
        after = new[index] if index < len(new) else None
        kinds.update(_diff_member(f"{path}[{index}]", before, after))
    return kinds


def _join(path: str, key: str) -> str:
    """The path of a property in an object, in the notation of the engine (PropertyPath.String in sdk/go/common/resource)."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}"
    escaped = key.replace('"', '\\"')
    return f'{path}["{escaped}"]'
