"""The table of wrong configurations (wrong_configurations.yaml), and the values that a stack in a cluster needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

IN_A_CLUSTER: dict[str, Any] = {"target": "kubernetes", "apiNetworks": ["203.0.113.7/32"]}
IN_AN_EXISTING_CLUSTER = {
    **IN_A_CLUSTER,
    "clusterId": "ocid1.cluster.oc1.x.theirs",
    "loadBalancerSubnetId": "ocid1.subnet.oc1.x.theirs",
}


@dataclass(frozen=True)
class Wrong:
    """One row. A value of None removes the key. fix: a command line, or "" if Pulumi itself refuses the type."""

    name: str
    values: dict[str, Any]
    key: str
    message: str
    fix: str


def _read() -> list[Wrong]:
    table = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
    base = {"instance": {}, "kubernetes": IN_A_CLUSTER}
    return [
        Wrong(name, {**base[target], **values}, key, message, _command(fix))
        for target, rows in table.items()
        for name, values, key, message, fix in rows
    ]


def _command(fix: str | None) -> str:
    if not fix or fix.startswith("! "):
        return (fix or "").removeprefix("! ")
    return f"pulumi config {fix}"


WRONG = _read()
