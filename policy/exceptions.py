"""`policy:exceptions`, the key of a stack file with the names of the policies that are off for this stack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from policy.rule import Policy

KEY = "policy:exceptions"


class ExceptionsError(ValueError):
    """The value of the key is wrong. The message has the reason and a command that fixes it."""


def read(config: Mapping[str, str], policies: Sequence[Policy], stack: str) -> Sequence[str]:
    """The names in the order of the stack file. config: the stack's configuration, an array as JSON. Raises ExceptionsError."""
    allowed = [policy.name for policy in policies if policy.may_be_excepted]
    mandatory = [policy.name for policy in policies if not policy.may_be_excepted]
    text = config.get(KEY, "[]")
    try:
        names = json.loads(text)
    except ValueError:
        names = text
    if not isinstance(names, list):
        raise ExceptionsError(
            f"{KEY} in Pulumi.{stack}.yaml is {_shown(text)}. {_allowed(allowed, 0)}\nafter\n    pulumi config rm {KEY}"
        )
    for place, name in enumerate(names):
        if name not in allowed:
            problem = "applies to every stack" if name in mandatory else "is no policy"
            raise ExceptionsError(
                f"{KEY}[{place}] in Pulumi.{stack}.yaml: {_shown(name)} {problem}. {_allowed(allowed, place)}\n"
                f"or\n    pulumi config rm --path '{KEY}[{place}]'"
            )
    return tuple(names)


def _shown(value: object) -> str:
    """The value itself if a terminal can print it as it is, else as JSON."""
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)


def _allowed(names: Sequence[str], place: int) -> str:
    # At the place of the wrong value: any other place could overwrite a right one.
    return f"It is an array of any of {', '.join(names)}:\n    pulumi config set --path '{KEY}[{place}]' {names[0]}"
