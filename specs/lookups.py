"""The choice among what the cloud lists, and the error if it lists nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import RunError

from specs.errors import error, set_command


class NothingFoundError(RunError):
    """The cloud lists nothing of what a key asks for. Pulumi prints the message without a stack trace."""

    def __init__(self, key: str, problem: str, example: str) -> None:
        super().__init__(error(key, problem, set_command(key, example)))


def availability_domain(names: Sequence[str]) -> str:
    """The first availability domain. Raises NothingFoundError when there is none."""
    if not names:
        raise NothingFoundError(
            "availabilityDomain",
            "is empty, and Oracle lists no availability domain of this tenancy in the region",
            "Uocm:EU-FRANKFURT-1-AD-2",
        )
    return names[0]


def platform_image(images: Sequence[tuple[str, str | None]], version: str) -> str:
    """OCID of the first platform image of Oracle Linux `version` among `images`, pairs of OCID and compartment.

    The compartment's custom images are listed with them and keep the name of the system that they were made from; only those have a
    compartment (source: core_images_data_source.go). Raises NothingFoundError when there is none.
    """
    for ocid, compartment_id in images:
        if not compartment_id:
            return ocid
    raise NothingFoundError(
        "operatingSystemVersion",
        f"Oracle lists no platform image of Oracle Linux {version} for Arm in this region",
        "8" if version == "9" else "9",
    )
