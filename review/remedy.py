"""The commands that a summary tells a person to type."""

from __future__ import annotations

import shlex

SANDBOX = "sandbox/pulumi"
"""What `make` takes where PULUMI names no other; the Makefile says the same."""


def make(target: str, stack: str, pulumi: str, *more: str) -> str:
    """`make target` of this stack, reached as it was by the command that tells of it: by the program `pulumi`."""
    program = [] if pulumi == SANDBOX else [f"PULUMI={shlex.quote(pulumi)}"]
    return " ".join(["make", target, f"STACK={stack}", *program, *more])
