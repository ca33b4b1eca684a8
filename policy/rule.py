"""The form of a policy, and what it can read: plain values, so that tests call each policy as a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from specs.shell import printable


class Unknown:
    """A value that a preview cannot know. The update checks it again once it is known."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = Unknown()


class SecretText(str):
    """A text that Pulumi keeps encrypted."""

    __slots__ = ()


@dataclass(frozen=True)
class Resource:
    """One resource, as a policy sees it.

    inputs: its properties under Pulumi's names (camel case), with UNKNOWN and SecretText in them. protect: Pulumi's option.
    ignored: the paths in `ignore_changes`. is_component: the program sets its outputs, as for components and the stack itself.
    Only policies of the whole stack also get outputs and property_dependencies: for each property that the program sets, the URNs of
    the resources its value comes from.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    protect: bool = False
    ignored: Sequence[str] = ()
    urn: str = ""
    is_component: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict)
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def at(self, path: str) -> Any:
        """The value at a path such as "instanceOptions.areLegacyImdsEndpointsDisabled".

        None if there is none. UNKNOWN if the value, or an object around it, is not known yet.
        """
        value: Any = self.inputs
        for part in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


@dataclass(frozen=True)
class Stack:
    """What a policy can read about the stack.

    exceptions: names of policies that the stack's file switches off. secrets: encrypted values of its configuration by their keys; for
    an object or array each text in it, such as "secretFiles.token".
    """

    name: str = ""
    project: str = ""
    exceptions: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


Check = Callable[[Resource, Stack], Iterable[str]]
"""Returns a sentence for each violation of one resource."""
StackCheck = Callable[[Sequence[Resource], Stack], Iterable[str]]
"""Returns a sentence for each violation of all resources together."""


@dataclass(frozen=True)
class Policy:
    """One policy of each resource, of the whole stack, or of both.

    asks, why, remedy: sentences for people. may_be_excepted: a stack may name it in `policy:exceptions`.
    """

    name: str
    asks: str
    why: str
    remedy: str
    check: Check | None = None
    check_stack: StackCheck | None = None
    may_be_excepted: bool = False

    def message(self, violation: str, stack: str, place: int = 0, before: Sequence[str] = ()) -> str:
        """The violation, the reason and the remedy, as printed.

        place: index of a new exception in the stack's list, after one for each of the policies `before`.
        """
        # Names and values in it may come from a stranger: one line, and only printable characters.
        lines = [printable(violation, len(violation)), f"Why: {self.why}", f"Remedy: {self.remedy}"]
        if self.may_be_excepted:
            lines.append(
                f"Or, if stack {stack} is meant to be so, allow it in Pulumi.{stack}.yaml:\n"
                f"    pulumi config set --path 'policy:exceptions[{place}]' {self.name}"
            )
            if before:
                lines.append(f"Run this after the command for {' and '.join(before)}, or use a lower number.")
        return "\n".join(lines)


def known(values: Any) -> Sequence[Any]:
    """The known members of a list; none if it is no list or is unknown itself."""
    return [value for value in values if value is not UNKNOWN] if isinstance(values, Sequence) else []
