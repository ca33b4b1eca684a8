"""The pushed image as other tools see it: skopeo, the registry's API, and podman on the machine."""

from __future__ import annotations

import base64
import json
import runpy
from pathlib import Path

import pytest

from sandbox import base_image, paths, registry
from sandbox.process import run
from tests.support import published
from tests.support.image_stack import image_stack
from tests.support.machine import on_machine
from tests.support.stack import Stack

PLATFORMS = {"linux/arm64", "linux/amd64"}
DOCKERFILE = """\
ARG BASE_IMAGE=scratch
FROM ${BASE_IMAGE}
COPY --chmod=755 scan /
CMD ["/scan"]
"""
# By BuildKit's protocol (source: buildkit, docs/attestations/sbom-protocol.md): an in-toto statement of the files of an image.
SCAN = """\
#!/bin/sh
cat >"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json" <<END
{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
 "predicate": {"files": "$(echo $(ls $BUILDKIT_SCAN_SOURCE))"}}
END
"""


@pytest.fixture(scope="module")
def trusting() -> dict[str, str]:
    """The environment in which container tools reach the sandbox's registry."""
    return {"SSL_CERT_FILE": str(paths.CA_BUNDLE), "no_proxy": paths.REGISTRY_ADDRESS}


def test_index_contains_only_the_platforms(stack: Stack, trusting: dict[str, str]) -> None:
    command = ["skopeo", "inspect", "--raw", f"--authfile={registry.login_file()}", f"docker://{stack.output('image')}"]
    entries = json.loads(run(command, env=trusting).stdout)["manifests"]
    platforms = [f"{entry['platform']['os']}/{entry['platform']['architecture']}" for entry in entries]
    assert sorted(platforms) == sorted(PLATFORMS)


def test_attestations_are_published_for_each_platform(sandbox: None, overlay: Path, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    for name, content in {"Dockerfile": DOCKERFILE, "scan": SCAN}.items():
        (context / name).write_text(content)
    base = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/{base_image.REPOSITORY}:3"
    with image_stack("e2e-attested", tmp_path, overlay, app="tiny", context=str(context), baseImage=base) as tiny:
        tiny.up()
        # The image contains a scanner, and is scanned by itself.
        tiny.configure(attestations=["provenance", f"sbom={tiny.output('image')}"])
        tiny.up()
        found = published.attestations(tiny.output("image"))
    assert set(found) == PLATFORMS
    for platform in PLATFORMS:
        assert "scan" in found[platform]["https://spdx.dev/Document"]["files"].split()
        [kind] = [kind for kind in found[platform] if kind.startswith("https://slsa.dev/provenance/")]
        provenance = json.dumps(found[platform][kind])
        assert "base/python" in provenance
        # mode=max: also the build's arguments and the Dockerfile.
        assert "SOURCE_DATE_EPOCH" in provenance
        assert base64.b64encode(DOCKERFILE.encode()).decode() in provenance


def test_image_of_each_platform_has_labels(stack: Stack) -> None:
    for platform in PLATFORMS:
        labels = published.configuration(stack.output("image"), platform)["config"]["Labels"]
        assert labels["org.opencontainers.image.title"] == "jupyterlab"
        assert labels["org.opencontainers.image.version"] == "v1.0.0"
        assert labels["org.opencontainers.image.base.name"].endswith("/base/python:3")


def test_podman_pulled_its_platform_by_the_index_digest(stack: Stack) -> None:
    app = stack.output("dataFolder").rpartition("/")[2]
    image = on_machine(stack, f"sudo podman container inspect --format '{{{{.Image}}}}' {app}").strip()
    [inspected] = json.loads(on_machine(stack, f"sudo podman image inspect {image}"))
    assert stack.output("image") in inspected["RepoDigests"]
    machine = on_machine(stack, "uname -m").strip()
    assert inspected["Architecture"] == {"x86_64": "amd64", "aarch64": "arm64"}[machine]


def test_pin_base_writes_the_digest_of_the_registry(trusting: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**trusting, "REGISTRY_AUTH_FILE": str(registry.login_file())}.items():
        monkeypatch.setenv(name, value)
    base = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/{base_image.REPOSITORY}:3"
    pin = runpy.run_path(str(paths.ROOT / "docker" / "pin_base.py"))["pin"]
    assert pin(base, sorted(PLATFORMS)) == f"{base}@{registry.digest(paths.NAMESPACE, base_image.REPOSITORY, '3')}"
