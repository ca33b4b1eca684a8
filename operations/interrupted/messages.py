"""What a person reads: the open question, and what to do after it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from operations.interrupted.answers import NONE
from operations.interrupted.resource_types import LOOK_UPS
from operations.interrupted.stack import Json, Stack
from operations.interrupted.state import current, name_of
from operations.review.remedy import make
from specs.resource_types import CLUSTER, ROOT
from specs.shell import printable, quoted


def question(stack: Stack, interrupted: Sequence[Json], resources: Sequence[Json]) -> str:
    """Return which resources to look up, how, and the command that takes the answers."""
    compartment = next(
        (one["inputs"]["compartmentId"] for one in resources if "compartmentId" in one.get("inputs", {})), None
    )
    times = Counter(map(name_of, interrupted))
    answers = " ".join(f"{name}=?" for name in times)
    plain = re.fullmatch(r"[A-Za-z0-9_.=? -]*", answers)
    command = make(
        "interrupted", stack.name, stack.pulumi, f'FOUND="{answers}"' if plain else quoted(f"FOUND={answers}")
    )
    return "\n\n".join(
        [
            f"a run of stack {printable(stack.name)} was interrupted while it created these resources. Check whether they exist."
            "\n(If that run is still going on, wait for its end.)",
            *(
                _look_up(resource, times[name], compartment, current(resources).get(resource["urn"], ""))
                for name, resource in {name_of(one): one for one in interrupted}.items()
            ),
            "Use these commands or the console. A resource that is TERMINATED or DELETED does not exist. Then run this,"
            f" with the id or {NONE} in the place of each ?:\n    {command}",
        ]
    )


def _look_up(resource: Json, times: int, compartment: str | None, kept: str) -> str:
    """Return how to look up one resource. kept: id of another one in the state, or ""."""
    inputs = {"compartmentId": compartment, **(resource.get("inputs") or {})}
    texts = {key: value for key, value in inputs.items() if isinstance(value, str)}
    title = texts.get("displayName") or texts.get("name") or texts.get("description")
    lines = [printable(f"  {name_of(resource)} ({resource['type']})" + (f', called "{title}"' if title else ""))]
    _, command = LOOK_UPS.get(resource["type"], ("", ""))
    if command:
        arguments = command.format_map(_Placeholders({key: quoted(value) for key, value in texts.items()}))
        lines.append(f"    oci {arguments}")
    if kept:
        lines.append(f"    {kept} is in the state and stays. If there is another one, delete it and answer {NONE}")
    if times > 1:
        lines.append(f"    this happened {times} times: if there are several, answer with one and delete the others")
    return "\n".join(lines)


class _Placeholders(dict[str, str]):
    """Gives `<name>` for a name that it does not have."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def not_found(stack: Stack, missing: Sequence[Json]) -> str:
    """Return what to do about adopted resources that the cloud does not have."""
    lines = []
    for one in missing:
        parent = f" --parent parent={quoted(one['parent'])}" if one.get("parent") else ""
        lines.append(
            printable(f"{name_of(one)}: the cloud has no {one['id']}")
            + "; the next `up` creates a new one. If it has another id, run this"
            f" first, with the id in the place of the ?:\n"
            f"    {stack.pulumi} import {quoted(one['type'])} {quoted(name_of(one))} ?{parent} --protect=false --generate-code=false"
            f" --stack {quoted(stack.name)}"
        )
    return "\n".join(lines)


def repeated(stack: Stack, operations: Sequence[Json]) -> list[str]:
    """Return a line for each interrupted update and delete."""
    return [
        f"{name_of(operation['resource'])}: interrupted while {operation['type']}; the next `up` repeats it. If its configuration was"
        f" changed back since: `{stack.pulumi} up --refresh --stack {stack.name}`"
        for operation in operations
        if operation["type"] in ("updating", "deleting")
    ]


def claim_volume(resources: Sequence[Json], operations: Sequence[Json]) -> list[str]:
    """Return how to delete the volume of a claim after an interrupted `destroy`; nothing if the claim is retained or the cluster is shared.

    The cluster deletes that volume after the claim. It cannot do so once the cluster or the nodes that hold the volume are gone.
    """
    outputs = next((one.get("outputs") or {} for one in resources if one["type"] == ROOT), {})
    volume = outputs.get("dataVolumeId")
    deleting = any(operation["type"] == "deleting" for operation in operations)
    own_cluster = any(one["type"] == CLUSTER for one in resources)
    if not (deleting and own_cluster and isinstance(volume, str) and volume) or outputs.get("retained"):
        return []
    return [
        "the volume of the claim: the cluster deletes it if it still can. After the destroy, check whether it exists, and delete it:\n"
        f"    oci bv volume get --volume-id {quoted(volume)}\n    oci bv volume delete --volume-id {quoted(volume)}"
    ]
