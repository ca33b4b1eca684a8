"""What a person is told to type: in a summary, and after a run that was killed (operations/interrupted.py)."""

from __future__ import annotations

from specs.shell import quoted

SANDBOX = "sandbox/pulumi"
"""What `make` takes where PULUMI names no other; the Makefile says the same."""


def make(target: str, stack: str, pulumi: str, *more: str) -> str:
    """`make target` of this stack, reached as it was by the command that tells of it: by the program `pulumi`."""
    program = [] if pulumi == SANDBOX else [f"PULUMI={quoted(pulumi)}"]
    # make expands what the shell has left alone.
    return " ".join(["make", target, quoted(f"STACK={stack}"), *program, *more]).replace("$", "$$")


def no_program(pulumi: str) -> str:
    """Of a program that could not be run."""
    return f"{pulumi}: there is no such program. The README's first steps install Pulumi; without PULUMI= it is the sandbox's"
