"""What a policy is, and what it is told of the resources: plain values, so that each is a function that tests can call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from specs.shell import printable


class Unknown:
    """Stands for a value that a preview cannot know; the update that makes it known is checked again."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = Unknown()


class SecretText(str):
    """A text which Pulumi keeps encrypted."""

    __slots__ = ()


@dataclass(frozen=True)
class Resource:
    """One resource, as a policy sees it.

    inputs: its properties under Pulumi's names (camel case), with UNKNOWN and SecretText in them; protect: Pulumi's option;
    ignored: the properties whose changes are ignored; is_component: whether the program says its outputs, as of components and of the
    stack itself. For a policy of the whole stack also outputs, and property_dependencies: of each property that the program gives, the
    URNs of the resources which its value comes from.
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
        """The value at a path such as "instanceOptions.areLegacyImdsEndpointsDisabled"; None where there is none, UNKNOWN where it, or
        what holds it, is not known yet.
        """
        value: Any = self.inputs
        for part in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


@dataclass(frozen=True)
class Stack:
    """What a policy may know of the stack beside its resources.

    exceptions: names of policies that do not hold for it, as its file lists them; secrets: values of its configuration that are
    encrypted, by their keys; of an object or array each text in it, such as "secretFiles.token".
    """

    name: str = ""
    project: str = ""
    exceptions: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)


Check = Callable[[Resource, Stack], Iterable[str]]
"""What is wrong with one resource, a sentence each."""
StackCheck = Callable[[Sequence[Resource], Stack], Iterable[str]]
"""What is wrong with all of them together."""


@dataclass(frozen=True)
class Policy:
    """One policy, of each resource, of the whole stack, or both. asks, why, remedy: sentences for people, also for docs/policies.md;
    may_be_excepted: whether a stack may name it in `policy:exceptions`.
    """

    name: str
    asks: str
    why: str
    remedy: str
    check: Check | None = None
    check_stack: StackCheck | None = None
    may_be_excepted: bool = False

    def message(self, complaint: str, stack: str, place: int = 0, before: Sequence[str] = ()) -> str:
        """What a person reads: what is wrong, and what to do. place: where in the stack's list an exception from this policy goes when
        there is one from each of the policies `before`.
        """
        # Names and values in it may be a stranger's: in one line, and nothing that a terminal would not print as it is.
        lines = [printable(complaint, len(complaint)), f"Remedy: {self.remedy}"]
        if self.may_be_excepted:
            lines.append(
                f"Or say that stack {stack} is meant to be so, in Pulumi.{stack}.yaml:\n"
                f"    pulumi config set --path 'policy:exceptions[{place}]' {self.name}"
            )
            if before:
                lines.append(f"after the same for {' and '.join(before)}; without that the number is lower.")
        return "\n".join(lines)


def known(values: Any) -> Sequence[Any]:
    """The members of a list which are known; none where it is no list, or not known itself."""
    return [value for value in values if value is not UNKNOWN] if isinstance(values, Sequence) else []
