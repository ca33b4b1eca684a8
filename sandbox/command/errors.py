"""The error whose message the engine prints unchanged."""

from __future__ import annotations


class CommandError(Exception):
    """An error that a person can act on; the engine prints its message without a stack trace."""
