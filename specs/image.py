"""What an image is built with, and what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence

SOURCE_DATE_EPOCH = 315532800
"""1980-01-01, as docker/shared/python/finish.py has it for the files."""


DEFAULT_SCANNER = "docker/buildkit-syft-scanner:stable-1"
"""As BuildKit has it (source: buildkit 0.31, frontend/attestations/parse.go)."""


def build_args(platforms: Sequence[str], base_image: str, attestations: Sequence[str]) -> dict[str, str]:
    """The build arguments of every platform's image; they are the same, so that the builder runs what the images share once
    (docker/README.md). `attestations`: "provenance", "sbom" or "sbom=<image of the scanner>".
    """
    arguments = {
        "BASE_IMAGE": base_image,
        "PLATFORMS": ",".join(platforms),
        # Of all times in the image and its history: the same inputs give the same digest.
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
    }
    # The plugin has no input for attestations, and switches buildx's default off; but BuildKit takes build arguments of these names as well
    # (sources: pulumi-docker-build 0.0.22, client.go; buildkit 0.31, frontend/attestations/parse.go).
    if "provenance" in attestations:
        arguments["BUILDKIT_ATTEST_PROVENANCE"] = "mode=max"
    if scanner := sbom_scanner(attestations):
        arguments["BUILDKIT_ATTEST_SBOM"] = f"generator={scanner}"
    return arguments


def sbom_scanner(attestations: Sequence[str]) -> str:
    """The image that makes the SBOM, "" for no SBOM."""
    for attestation in attestations:
        kind, _, image = attestation.partition("=")
        if kind == "sbom":
            return image or DEFAULT_SCANNER
    return ""


def labels(title: str, version: str, base_image: str) -> dict[str, str]:
    """The annotations of the OCI image specification (annotations.md) that are known before the build and the same in every one."""
    base, _, digest = base_image.partition("@")
    known = {"title": title, "version": version, "base.name": base, "base.digest": digest}
    return {f"org.opencontainers.image.{name}": value for name, value in known.items() if value}
