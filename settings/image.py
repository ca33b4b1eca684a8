"""The image: what it is built from, for which platforms, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Json

from settings import rules
from settings.app import LocalPath
from settings.errors import wrong
from settings.key import Form, Section, key
from specs import image
from specs.build_context import EXTRA
from specs.build_inputs import BuildInputError, ca_bundle, check_requirements
from specs.checks import is_file
from specs.errors import error
from specs.shell import quoted

CACHE_TAGS = ("cache", "cache-amd64", "cache-arm64")
"""Tags in the same repository, of the build cache (components/image.py)."""

WITHOUT_EXTRA = "pulumi config rm extraRequirements"


class ImageSettings(Section):
    """The image."""

    image_tag: Annotated[
        str, Form(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$", "a tag: letters, digits, dots, hyphens and _")
    ] = key("v1.0.0", "Tag of the image; each platform's image has the platform appended (v1.0.0-arm64).")
    platforms: Json[list[Annotated[str, Form(r"^linux/(arm64|amd64)$", "linux/arm64 or linux/amd64")]]] = key(
        ["linux/arm64", "linux/amd64"],
        "Platforms to build for, of linux/arm64 and linux/amd64. Instance and nodes need linux/arm64.",
        example="linux/arm64",
    )
    base_image: Annotated[
        str, Form(r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$", "the reference of an image, such as host/name:tag")
    ] = key(
        "ghcr.io/oracle/oraclelinux9-python:3.12",
        "Base of the image, any that has Python; `make pin-base` sets the digest that its tag has now.",
    )
    # `make lock FILE=…` takes it, where make and the shell would expand more than these.
    extra_requirements: Annotated[
        LocalPath, Form(r"^[A-Za-z0-9_./+@~-]*$", "a path of letters, digits, dots, hyphens, slashes, +, @, ~ and _")
    ] = key(
        "",
        "File with further Python packages for the image, locked by `make lock` (docs/image.md), relative to the project.",
        example="extra/requirements.txt",
    )
    ca_bundle_file: LocalPath = key(
        "",
        "PEM file with CA certificates which the build trusts beside the base's, such as those of a proxy that inspects TLS. They are in "
        "no image.",
        example="/etc/ssl/certs/ca-certificates.crt",
    )
    attestations: Json[
        list[
            Annotated[
                str,
                Form(
                    r"^(provenance|sbom(=[A-Za-z0-9_.:/@-]+)?)$",
                    "provenance, sbom, or sbom=host/name:tag with a scanner of your own",
                ),
            ]
        ]
    ] = key(
        [],
        "Attestations of each platform's image (docs/image.md): provenance, sbom, or sbom=host/name:tag with a scanner of your own. "
        "Some registries refuse them.",
        example="sbom",
    )
    builder: Annotated[
        str,
        Form(
            r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$",
            "the name of a builder, as `docker buildx ls` shows it: letters, digits, dots, hyphens and _",
        ),
    ] = key("", "Name of the buildx builder; the current one of `docker buildx ls` when empty.", example="default")

    def problems(self) -> Iterable[str]:
        """Errors of the tag, the lists and the CA bundle."""
        if self.image_tag in CACHE_TAGS:
            yield wrong("imageTag", f"is {self.image_tag}, a tag of the build cache")
        yield from rules.duplicate_errors("platforms", self.platforms)
        yield from rules.duplicate_errors("attestations", [kind.partition("=")[0] for kind in self.attestations])
        try:
            _ = self.ca_bundle
        except BuildInputError as problem:
            yield wrong("caBundleFile", f"{self.ca_bundle_file} {problem}")

    def extra_problems(self, dockerfile: Path) -> Iterable[str]:
        """Errors of extraRequirements: the file, and the Dockerfile that has to install it."""
        if not self.extra_requirements:
            return
        try:
            check_requirements(Path(self.extra_requirements))
        except BuildInputError as problem:
            lock = f"make lock FILE={quoted(re.sub(r'[.](txt|in)$', '', self.extra_requirements) + '.in')}"
            yield error("extraRequirements", f"{self.extra_requirements} {problem}", lock)
        try:
            installs = not is_file(dockerfile) or str(EXTRA) in dockerfile.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            yield error("context", f"{dockerfile} cannot be read ({problem})")
            return
        if not installs:
            message = f"{dockerfile} does not install them; docker/jupyterlab/Dockerfile shows how"
            yield error("extraRequirements", message, WITHOUT_EXTRA)
        if is_file(own := dockerfile.parent / EXTRA):
            message = f"would replace the app's own {own}; add its packages to that file"
            yield error("extraRequirements", message, WITHOUT_EXTRA)

    @cached_property
    def ca_bundle(self) -> str:
        """Certificates (PEM) which the build trusts beside the base's, or "". Raises BuildInputError."""
        return ca_bundle(Path(self.ca_bundle_file)) if self.ca_bundle_file else ""

    @property
    def sbom_scanner(self) -> str:
        """The image that makes the SBOM, or ""."""
        return image.sbom_scanner(self.attestations)
