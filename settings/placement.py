"""Where a stack runs."""

from __future__ import annotations

from typing import Annotated, Literal

from settings.key import Form, Section, key, ocid


class PlacementSettings(Section):
    """Where it runs."""

    target: Literal["instance", "kubernetes"] = key(
        "instance",
        "Where the app runs: instance (one machine, podman) or kubernetes (an OKE cluster). Keys of the other target have no effect. "
        "A change replaces the network and the machines; each target has data of its own (docs/stacks.md).",
    )
    compartment_id: Annotated[str, ocid("compartment", "tenancy")] = key(
        "",
        "OCID of the compartment for everything; the tenancy's root compartment when empty.",
        example="ocid1.compartment.oc1..example",
    )
    availability_domain: Annotated[
        str,
        Form(
            r"^([A-Za-z0-9_]+:[A-Z0-9-]+-AD-[0-9])?$",
            "the full name of an availability domain, such as Uocm:EU-FRANKFURT-1-AD-2",
        ),
    ] = key(
        "",
        "Availability domain, by its full name; the region's first when empty. Instance and data volume are bound to it: a change "
        "replaces both, and the old volume is kept unless retainData is false. Only nodes of its own domain can use the volume of a claim.",
        example="Uocm:EU-FRANKFURT-1-AD-2",
    )
