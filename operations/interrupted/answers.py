"""What a person found in the cloud: "<resource>=<id>" or "<resource>=none"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from operations.interrupted.resource_types import LOOK_UPS
from operations.interrupted.stack import Json, UnresolvedError
from operations.interrupted.state import current, name_of

NONE = "none"


def parse(words: Sequence[str], interrupted: Mapping[str, Json], resources: Sequence[Json]) -> dict[str, str]:
    """Return the answers by the resource's name. Raises UnresolvedError if one cannot be right.

    interrupted: the resources whose create was interrupted, by name; resources: those in the state.
    """
    answers: dict[str, str] = {}
    for word in words:
        name, _, answer = word.partition("=")
        if name not in interrupted:
            names = ", ".join(sorted(interrupted)) or "none"
            raise UnresolvedError(f"{name}: no create of this resource was interrupted; interrupted creates: {names}")
        if not re.fullmatch(r"[A-Za-z0-9_./-]+", answer):
            raise UnresolvedError(f"{name}: answer with its id, or with {NONE}")
        if answer != NONE:
            _check_id(name, answer, interrupted[name], resources)
        answers[name] = answer
    return answers


def _check_id(name: str, id: str, resource: Json, resources: Sequence[Json]) -> None:
    word, _ = LOOK_UPS.get(resource["type"], ("", ""))
    if word and not id.startswith(f"ocid1.{word}."):
        raise UnresolvedError(f"{name}: its OCID begins with ocid1.{word}., this is {id}")
    for one in resources:
        if one.get("id") == id:
            raise UnresolvedError(f"{name}: {id} is in the state, as {name_of(one)}")
    if other := current(resources).get(resource["urn"]):
        # The engine would delete one of the two. Only a person can see which one holds something.
        raise UnresolvedError(
            f"{name}: the state keeps another one, {other}. Check that {id} holds nothing, delete it, and answer {name}={NONE}"
        )
