"""The registry: where images go, and the login."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from settings.key import Form, Section, key, ocid


def _token(value: str) -> str:
    if not value:
        raise ValueError("is not set")
    if any(letter.isspace() for letter in value):
        raise ValueError("has white space in it")
    return value


class RegistrySettings(Section):
    """The registry."""

    registry_token: Annotated[str, AfterValidator(_token)] = key(
        ...,
        "Auth token of the user who pushes to and pulls from the registry (two per user, made in the console).",
        secret=True,
    )
    registry_host: Annotated[
        str,
        Form(
            r"^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?)?$",
            "a host name, with :port if it needs one, and without https://",
        ),
    ] = key(
        "",
        "Host of the registry; ocir.<region>.oci.oraclecloud.com when empty.",
        example="ocir.eu-frankfurt-1.oci.oraclecloud.com",
    )
    registry_username: Annotated[
        str,
        Form(
            r"^[A-Za-z0-9_.@/+-]*$",
            "<user> or <domain>/<user>: letters, digits, dots, hyphens, +, @ and _",
        ),
    ] = key(
        "",
        'User of the registry without the namespace, "<user>" or "<domain>/<user>"; the name of the user who runs Pulumi when empty.',
        example="you@example.com",
    )
    retain_images: bool = key(False, "Keep the repository and its images when the stack is destroyed (docs/data.md).")
    repository_id: Annotated[str, ocid("containerrepo")] = key(
        "",
        "OCID of a retained repository to adopt when the stack is made again; a new one when empty.",
        example="ocid1.containerrepo.oc1.eu-frankfurt-1.example",
    )
