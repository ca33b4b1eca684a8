"""The form of an error about a configuration key: what is wrong, and below it the commands that fix it, safe to paste."""

from __future__ import annotations

import re

from specs.shell import printable, quoted


def error(key: str, problem: str, *commands: str) -> str:
    """One problem of a key, or of a place in one, with the commands that fix it."""
    return "\n".join([f"{printable(key)}: {printable(problem)}", *(f"    {command}" for command in commands)])


def set_command(place: str, value: str) -> str:
    """The command that sets a key, or a place in one, to a plain value."""
    path = "--path " if re.search(r"[.\[]", place) else ""
    return f"pulumi config set {path}{quoted(place)} {quoted(value)}"


def remove_command(place: str) -> str:
    """The command that removes a place in a key."""
    return f"pulumi config rm --path {quoted(place)}"


def place_in(key: str, *inner: str | int) -> str:
    """A value in a list or an object, as Pulumi's --path takes it (source: pulumi, sdk/go/common/resource/properties_path.go)."""
    parts = [
        f"[{part}]"
        if isinstance(part, int)
        else f".{part}"
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", part)
        else '["{}"]'.format(part.replace('"', '\\"'))
        for part in inner
    ]
    return key + "".join(parts)
