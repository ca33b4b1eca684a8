"""Errors about configuration keys, with the commands that fix them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pulumi

from settings.key import KEYS
from specs.errors import error, place_in, remove_command, set_command
from specs.shell import printable, quoted

__all__ = ["ConfigurationError", "describe", "fix", "unknown_key", "wrong"]

MESSAGES = {
    "missing": "is not set",
    "json_invalid": "must be a list or an object; set each value in it with --path",
    "int_parsing": "must be a whole number",
}
"""What to say instead of pydantic's words for these types of error."""

REPLACED = {"sbomScanner": "attestations"}
"""Keys of earlier versions, and the key to use instead."""


class ConfigurationError(pulumi.RunError):
    """The configuration is wrong; the message lists every error. Pulumi prints it without a stack trace."""


def wrong(place: str, problem: str, example: str | None = None) -> str:
    """An error of a key, or of a place in one, with the command that sets it. example: a value that would do."""
    return error(place, problem, fix(place, example))


def fix(place: str, example: str | None = None) -> str:
    """The command that sets a key, or a place in it as `place_in` writes it."""
    name = re.split(r"[.\[]", place, maxsplit=1)[0]
    key = KEYS.get(name)
    if key is None:
        return set_command(place, example or "<value>")
    secret = "--secret " if key.secret else ""
    if key.type == "object":
        target = f"--path {quoted(place if place != name else f'{name}.<name>')}"
        return f"pulumi config set {secret}{target}" + ("" if secret else " '<value>'")
    if key.from_file:
        return f"pulumi config set {secret}{name} <{key.from_file}"
    if secret:
        return f"pulumi config set --secret {name}"
    value = key.example if example is None else example
    return set_command(f"{name}[0]" if key.type == "array" and place == name else place, value)


def unknown_key(name: str) -> str:
    """The error of a key that the program does not have."""
    instead = f"use {REPLACED[name]} instead" if name in REPLACED else "docs/configuration.md lists them"
    # A name that begins with "-" would be an option.
    remove = f"pulumi config rm {'-- ' if name.startswith('-') else ''}{quoted(name)}"
    return error(name, f"is not a key of this program; {instead}", remove)


def describe(detail: Any, values: Mapping[str, str]) -> str:
    """The error for one of pydantic's (`ValidationError.errors()`). `values` are the stack's; no secret is quoted."""
    message = str(detail["msg"]).removeprefix("Value error, ")
    _, *place = detail["loc"] or [""]
    if not place:
        return f"the configuration: {printable(message)}"
    name, *inner = place
    of_name = inner[-1:] == ["[key]"]
    place = place_in(name, *inner[: -1 if of_name else None])
    message = MESSAGES.get(detail["type"], message).replace("Input should be", "must be", 1)
    quote = name in values and not KEYS[name].secret and not inner
    problem = message[0].lower() + message[1:] + (f" (is {values.get(name)!r})" if quote else "")
    correction = getattr(detail.get("ctx", {}).get("error"), "correction", None)
    return error(place, problem, remove_command(place) if of_name else fix(place, correction))
