"""The one error that reaches the engine as it is."""

from __future__ import annotations


class CommandError(Exception):
    """Something that a person can act on; its message is printed by the engine, without a stack trace."""
