"""Commands for people to type, as summaries and errors show them."""

from __future__ import annotations

from operations.review.values import code
from specs.resource_types import CLAIM, HOLDS_DATA, REPOSITORY, VOLUME
from specs.shell import quoted

SANDBOX = "sandbox/pulumi"
"""The default of PULUMI in the Makefile."""
_KEYS = {VOLUME: "dataVolumeId", REPOSITORY: "repositoryId"}
"""Configuration keys that adopt a resource of a type."""


def make(target: str, stack: str, pulumi: str, *more: str) -> str:
    """Return `make target` for this stack. pulumi: the program that reached it."""
    program = [] if pulumi == SANDBOX else [f"PULUMI={quoted(pulumi)}"]
    # make expands `$` before the shell does.
    return " ".join(["make", target, quoted(f"STACK={stack}"), *program, *more]).replace("$", "$$")


def no_program(pulumi: str) -> str:
    """Return the error for a program that does not exist."""
    return (
        f"{pulumi}: no such program. docs/own-account.md says what to install; without PULUMI=, make uses the sandbox's"
    )


def adopt(type_token: str, identifier: str, claim_volume: str = "") -> list[str]:
    """Return how the stack adopts a resource that it kept, as Markdown: one sentence or none.

    claim_volume: OCID of the volume behind the claim if the cluster is deleted too, else "".
    """
    if key := _KEYS.get(type_token):
        return [f"to adopt it again: {code(f'pulumi config set {key} {quoted(identifier)}')}"]
    if claim_volume:
        command = code(f"pulumi config set dataVolumeId {quoted(claim_volume)}")
        return (
            [f"its cluster is deleted, its volume is kept; to adopt the volume: {command}"]
            if type_token == CLAIM
            else []
        )
    if type_token.startswith("kubernetes:") and type_token in HOLDS_DATA:
        return ["the next `up` of a stack of the same name adopts it"]
    return []
