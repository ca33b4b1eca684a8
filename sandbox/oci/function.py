"""A function of the provider, such as `getImages`: it reads, and is called in previews too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox import paths
from sandbox.oci import check, sdk
from sandbox.oci.cloud import Cloud
from sandbox.oci.declare import Check
from sandbox.oci.errors import Problem, not_found
from sandbox.oci.wire import Properties


@dataclass(frozen=True)
class Function:
    """type: Pulumi's token for it; call: the answer for well-typed arguments, by the names on the wire; checks: of single arguments."""

    type: str
    call: Callable[[Cloud, Properties], Properties]
    checks: Mapping[str, Check] = field(default_factory=dict)

    def problems(self, arguments: Properties) -> list[Problem]:
        """What is wrong with the arguments."""
        found = list(check.typed(arguments, sdk.arguments(self.type)))
        return found or list(check.each(arguments, self.checks))

    def __call__(self, cloud: Cloud, arguments: Properties) -> Properties:
        """The answer, with the arguments echoed as the provider does. Raises what the cloud refuses."""
        if arguments.get("compartmentId", paths.TENANCY_OCID) != paths.TENANCY_OCID:
            raise not_found(f"compartment {arguments['compartmentId']}")
        return {**arguments, "id": self.type, **self.call(cloud, arguments)}


def filtered(items: Sequence[Mapping[str, Any]], arguments: Properties) -> list[Properties]:
    """The items that the argument `filters` lets through: all filters, any of a filter's values.

    Names are Terraform's (display_name). source: internal/tfresource/filters.go, ApplyFilters; a name that no item has lets none through.
    """
    found = [dict(item) for item in items]
    for wanted in arguments.get("filters") or []:
        name = re.sub(r"_([a-z])", lambda letter: letter[1].upper(), wanted["name"])
        matches = re.search if wanted.get("regex") else lambda value, text: value == text
        found = [item for item in found if any(matches(value, str(item.get(name, ""))) for value in wanted["values"])]
    return found
