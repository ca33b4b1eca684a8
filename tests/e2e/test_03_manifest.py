"""The image that was pushed, as others see it: skopeo, buildx, and podman on the machine."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from sandbox import base_image, paths, registry, toolchain
from sandbox.process import run
from sandbox.toolchain import pieces
from tests.support.machine import on_machine
from tests.support.stack import Stack

PLATFORMS = {"linux/arm64", "linux/amd64"}


@pytest.fixture(scope="module")
def trusting() -> dict[str, str]:
    """The environment for container tools that shall reach the sandbox's registry."""
    return {"SSL_CERT_FILE": str(paths.CA_BUNDLE), "no_proxy": paths.REGISTRY_ADDRESS}


@pytest.fixture(scope="module")
def buildx(trusting: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `buildx imagetools inspect` tells of an image, as it sees it: platform to SBOM and to provenance."""
    toolchain.ensure(paths.HOME, print, [pieces.BUILDX])
    login = tmp_path_factory.mktemp("docker")
    (login / "config.json").write_text(registry.login_file().read_text())

    def inspect(reference: str, what: str) -> Any:
        command: list[str | Path] = [
            paths.BIN / "buildx",
            "imagetools",
            "inspect",
            "--format",
            f"{{{{json .{what}}}}}",
            reference,
        ]
        return json.loads(run(command, env={**trusting, "DOCKER_CONFIG": str(login)}).stdout)

    return inspect


def test_skopeo_reads_two_platforms_each_with_its_attestations(stack: Stack, trusting: dict[str, str]) -> None:
    reference = stack.output("image")

    def raw(digest: str) -> Any:
        command = ["skopeo", "inspect", "--raw", f"--authfile={registry.login_file()}", f"docker://{digest}"]
        return json.loads(run(command, env=trusting).stdout)

    entries = raw(reference)["manifests"]
    images = {entry["digest"]: f"{entry['platform']['os']}/{entry['platform']['architecture']}" for entry in entries}
    attestations = {
        entry["annotations"]["vnd.docker.reference.digest"]: entry["digest"]
        for entry in entries
        if entry.get("annotations", {}).get("vnd.docker.reference.type") == "attestation-manifest"
    }
    assert {images[image] for image in attestations} == PLATFORMS
    assert len(entries) == 2 * len(PLATFORMS)
    for attestation in attestations.values():
        layers = raw(f"{reference.partition('@')[0]}@{attestation}")["layers"]
        kinds = {layer["annotations"]["in-toto.io/predicate-type"].rpartition("/v")[0] or "spdx" for layer in layers}
        assert kinds == {"https://slsa.dev/provenance", "spdx"}


def test_buildx_reads_the_packages_of_each_platform(stack: Stack, buildx: Any) -> None:
    sboms = buildx(stack.output("image"), "SBOM")
    assert set(sboms) == PLATFORMS
    for sbom in sboms.values():
        packages = {package["name"]: package.get("versionInfo") for package in sbom["SPDX"]["packages"]}
        assert {"jupyterlab", "matplotlib", "numpy"} <= set(packages)
        assert packages["jupyterlab"] == locked("jupyterlab")


def test_buildx_reads_how_each_platform_was_built_and_from_which_base(stack: Stack, buildx: Any) -> None:
    provenance = buildx(stack.output("image"), "Provenance")
    assert set(provenance) == PLATFORMS
    for entry in provenance.values():
        said = json.dumps(entry)
        assert "base/python" in said
        # mode=max: the build's arguments and the Dockerfile too.
        assert "SOURCE_DATE_EPOCH" in said
        assert "install_packages.py" in said


def test_the_configuration_says_what_the_image_is(stack: Stack, buildx: Any) -> None:
    images = buildx(stack.output("image"), "Image")
    assert set(images) == PLATFORMS
    for image in images.values():
        labels = image["config"]["Labels"]
        assert labels["org.opencontainers.image.title"] == "jupyterlab"
        assert labels["org.opencontainers.image.version"] == "v1.0.0"
        assert labels["org.opencontainers.image.base.name"].endswith("/base/python:3")


def test_podman_on_the_machine_took_the_image_of_its_platform_by_the_digest_of_the_index(stack: Stack) -> None:
    app = stack.output("dataFolder").rpartition("/")[2]
    image = on_machine(stack, f"sudo podman container inspect --format '{{{{.Image}}}}' {app}").strip()
    [inspected] = json.loads(on_machine(stack, f"sudo podman image inspect {image}"))
    assert stack.output("image") in inspected["RepoDigests"]
    machine = on_machine(stack, "uname -m").strip()
    assert inspected["Architecture"] == {"x86_64": "amd64", "aarch64": "arm64"}[machine]


def test_a_base_is_pinned_by_the_digest_that_the_registry_has(
    trusting: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**trusting, "REGISTRY_AUTH_FILE": str(registry.login_file())}.items():
        monkeypatch.setenv(name, value)
    base = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/{base_image.REPOSITORY}:3"
    pin = runpy.run_path(str(paths.ROOT / "docker" / "pin_base.py"))["pin"]
    assert pin(base, sorted(PLATFORMS)) == f"{base}@{registry.digest(paths.NAMESPACE, base_image.REPOSITORY, '3')}"


def locked(package: str) -> str:
    """The version of a package in the image's lock."""
    lines = (paths.ROOT / "docker" / "jupyterlab" / "requirements.txt").read_text().splitlines()
    [version] = [line.split()[0].partition("==")[2] for line in lines if line.startswith(f"{package}==")]
    return version
