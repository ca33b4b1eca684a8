"""What is declared of each input of a resource type: what a change of it does.

The words are those of a Terraform schema, since pulumi-oci bridges the OCI Terraform provider; a declaration is read off its Go source
(oracle/terraform-provider-oci 8.28, internal/service/<service>/<service>_<type>_resource.go).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sandbox.oci.values import path_of


class How(enum.Flag):
    """UPDATE: in place. REPLACE: `ForceNew`. CUSTOM: `ForceNew` by a `CustomizeDiff`, which pulumi-oci reports as `__meta`.

    KEEP: `Optional` and `Computed`: left out, the cloud's value stays.

    SET: an array whose order means nothing. ANY_CASE: `EqualIgnoreCaseSuppressDiff`.
    """

    UPDATE = 0
    REPLACE = enum.auto()
    KEEP = enum.auto()
    SET = enum.auto()
    ANY_CASE = enum.auto()
    CUSTOM = enum.auto()


UPDATE, REPLACE, KEEP, SET, ANY_CASE, CUSTOM = How.UPDATE, How.REPLACE, How.KEEP, How.SET, How.ANY_CASE, How.CUSTOM

# Of every type that has them.
TAGS: Mapping[str, How] = {"definedTags": KEEP, "freeformTags": KEEP}

# Says what is wrong with one value, or None.
Check = Callable[[Any], str | None]


@dataclass(frozen=True)
class Reference:
    """An input which holds the OCID of another resource, of one of these kinds.

    blocks: whether the other one can be deleted meanwhile; refusal: the cloud's words then, with {target} and {holder}.
    """

    kinds: tuple[str, ...]
    blocks: bool = True
    code: str = "Conflict"
    refusal: str = (
        "The {target_title} {target} references the {holder_title} {holder}. "
        "You must remove the reference to proceed with this operation."
    )


# A declaration is read, never changed.
Table = MappingProxyType


class Inputs:
    """The declared inputs, by path. A path with nothing declared below it speaks for everything below it."""

    def __init__(self, declared: Mapping[str, How]) -> None:
        self.declared = dict(declared)

    def how(self, place: str) -> How:
        """What a change at this place does."""
        path = path_of(place)
        while path not in self.declared and path:
            path = path.rpartition(".")[0]
        return self.declared.get(path, How.UPDATE)

    def knows(self, place: str) -> bool:
        """Whether the emulator does anything with the input at this place."""
        path = path_of(place)
        if path in self.declared or self._leads_on(path):
            return True
        while path := path.rpartition(".")[0]:
            if path in self.declared:
                return not self._leads_on(path)
        return False

    def _leads_on(self, path: str) -> bool:
        return any(name.startswith(f"{path}.") for name in self.declared)
