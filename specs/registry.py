"""Names in the container registry."""

from __future__ import annotations

import re

COMMERCIAL_REALM = "oc1"


def is_region(name: str) -> bool:
    """Whether it is a region's name by its form, such as eu-frankfurt-1; Oracle opens new ones."""
    return bool(re.fullmatch(r"[a-z]+(-[a-z]+)+-[0-9]+", name))


def region_of_short_name(name: str) -> str:
    """ "fra" -> "eu-frankfurt-1"; "" if Oracle's SDK does not have it."""
    # Imported here: it takes a quarter of a second, and only a wrong region needs it.
    from oci.regions_definitions import REGIONS_SHORT_NAMES

    return str(REGIONS_SHORT_NAMES.get(name.lower(), ""))


def default_host(region: str) -> str:
    """Host of Oracle's registry in a region of the commercial realm; other realms set `registryHost` (source: Oracle,
    "Preparing for Container Registry").
    """
    return f"ocir.{region}.oci.oraclecloud.com"


def architecture(platform: str) -> str:
    """ "linux/arm64" -> "arm64"."""
    return platform.split("/", 1)[1]


def by_digest(reference: str) -> str:
    """ "host/name:tag@sha256:…" -> "host/name@sha256:…".

    podman before 5 refuses a reference with both. Raises ValueError without a digest.
    """
    name, at, digest = reference.partition("@")
    if not at:
        raise ValueError(f"{reference} has no digest")
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}@{digest}"
