"""Names in the container registry."""

from __future__ import annotations


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

    podman before 5 refuses a reference with both. Raises ValueError where there is no digest.
    """
    name, at, digest = reference.partition("@")
    if not at:
        raise ValueError(f"{reference} has no digest")
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}@{digest}"
