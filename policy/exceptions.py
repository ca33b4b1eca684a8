"""`policy:exceptions`, the key of a stack's file which names the policies that do not hold for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from policy.rule import Policy

KEY = "policy:exceptions"


class ExceptionsError(ValueError):
    """The key cannot be used; the message says why and what would do."""


def read(config: Mapping[str, str], policies: Sequence[Policy], stack: str) -> Sequence[str]:
    """The names, as they are listed. config: the stack's configuration, key to text (JSON where it is an array). Raises
    ExceptionsError.
    """
    allowed = [policy.name for policy in policies if policy.may_be_excepted]
    text = config.get(KEY, "[]")
    try:
        names = json.loads(text)
    except ValueError:
        names = text
    if not isinstance(names, list):
        raise ExceptionsError(
            f"{KEY} in Pulumi.{stack}.yaml is {_shown(text)}. {_remedy(allowed, 0)}\nafter\n    pulumi config rm {KEY}"
        )
    strict = {policy.name for policy in policies} - set(allowed)
    for place, name in enumerate(names):
        if name not in allowed:
            problem = "holds for every stack" if isinstance(name, str) and name in strict else "is no policy"
            told = _shown(name)
            removal = f"pulumi config rm --path '{KEY}[{place}]'"
            raise ExceptionsError(
                f"{KEY}[{place}] in Pulumi.{stack}.yaml: {told} {problem}. {_remedy(allowed, place)}\nor\n    {removal}"
            )
    return tuple(names)


def _shown(value: object) -> str:
    """As it is where a terminal prints it so, else as JSON."""
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)


def _remedy(allowed: Sequence[str], place: int) -> str:
    # At the place of what is wrong: another one would overwrite an exception that is meant.
    return f"It is an array of any of {', '.join(allowed)}:\n    pulumi config set --path '{KEY}[{place}]' {allowed[0]}"
