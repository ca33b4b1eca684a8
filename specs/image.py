"""The build arguments and labels of an image."""

from __future__ import annotations

from collections.abc import Sequence

SOURCE_DATE_EPOCH = 315532800
"""1980-01-01, the time that docker/shared/python/finish.py gives to files."""

DEFAULT_SCANNER = "docker/buildkit-syft-scanner:stable-1"
"""BuildKit's default (source: buildkit 0.31, frontend/attestations/parse.go)."""


def build_args(platforms: Sequence[str], base_image: str, attestations: Sequence[str]) -> dict[str, str]:
    """The build arguments. They are equal for all platforms, so the builder runs shared stages once. `attestations`: "provenance", "sbom"
    or "sbom=<image of the scanner>".
    """
    arguments = {
        "BASE_IMAGE": base_image,
        "PLATFORMS": ",".join(platforms),
        # The latest time in the image and its history, so that equal inputs give equal digests.
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
    }
    # The plugin has no input for attestations and turns off buildx's default. BuildKit also takes these build arguments (sources:
    # pulumi-docker-build 0.0.22, client.go; buildkit 0.31, frontend/attestations/parse.go).
    if "provenance" in attestations:
        arguments["BUILDKIT_ATTEST_PROVENANCE"] = "mode=max"
    if scanner := sbom_scanner(attestations):
        arguments["BUILDKIT_ATTEST_SBOM"] = f"generator={scanner}"
    return arguments


def sbom_scanner(attestations: Sequence[str]) -> str:
    """The image of the SBOM's scanner, "" for no SBOM."""
    for attestation in attestations:
        kind, _, image = attestation.partition("=")
        if kind == "sbom":
            return image or DEFAULT_SCANNER
    return ""


def labels(title: str, version: str, base_image: str) -> dict[str, str]:
    """The annotations of the OCI image specification (annotations.md) that depend on nothing but the configuration."""
    base, _, digest = base_image.partition("@")
    values = {"title": title, "version": version, "base.name": base, "base.digest": digest}
    return {f"org.opencontainers.image.{name}": value for name, value in values.items() if value}
