"""Failed builds and pushes: the error names cause and fix, and the next `up` recovers.

The tests use the sandbox's registry and BuildKit, and a stack with image and registry only.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import account, paths
from sandbox.builders import registered
from tests.support.builders import small_builder
from tests.support.holdings import Holdings, holdings, left
from tests.support.image_stack import image_stack
from tests.support.stack import PulumiError, Stack

DOCKERFILE = """\
ARG BASE_IMAGE=scratch
FROM ${BASE_IMAGE}
COPY content.txt /
"""
UPLOADS = paths.REGISTRY / "data/docker/registry/v2/repositories" / paths.NAMESPACE / "tiny-e2e-tiny/_uploads"
BASE = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/base/python:3"


@pytest.fixture(scope="module")
def before(sandbox: None) -> Holdings:
    """The sandbox's resources before the tiny stack."""
    return holdings()


@pytest.fixture(scope="module")
def tiny(before: Holdings, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployed stack with registry and image only."""
    folder = tmp_path_factory.mktemp("e2e-tiny")
    (folder / "context").mkdir()
    (folder / "context" / "Dockerfile").write_text(DOCKERFILE)
    with image_stack("e2e-tiny", folder, overlay, app="tiny") as stack:
        reset(stack)
        change(stack)
        stack.up()
        yield stack


@pytest.fixture(autouse=True)
def _reset(tiny: Stack) -> None:
    """Undo changes of the previous test."""
    reset(tiny)


def reset(stack: Stack) -> None:
    """Set a working configuration without a base image, so only the push needs the registry."""
    stack.configure(
        context=str(stack.folder / "context"),
        builder=paths.BUILDER,
        baseImage="scratch",
        registryToken=account.registry_token(),
    )


def change(stack: Stack) -> None:
    """Change the image, so the next `up` builds and pushes a new layer."""
    (stack.folder / "context" / "content.txt").write_text(secrets.token_hex())


def failure(stack: Stack) -> str:
    """Run an `up` that fails and return its diagnostics; the output contains no secret."""
    change(stack)
    with pytest.raises(PulumiError) as caught:
        stack.up()
    output = str(caught.value)
    for token in {account.registry_token(), *stack.secrets}:
        assert token not in output
        assert token not in stack.event_logs[-1].read_text()
    return output.partition("\nDiagnostics:\n")[2]


def commands(output: str) -> list[str]:
    """Return the lines, which include commands to paste."""
    return [line.strip() for line in output.splitlines()]


def recovers(stack: Stack) -> None:
    """Check that the next `up` succeeds and another one changes nothing."""
    assert set(stack.up()) == {"tiny-arm64", "tiny-amd64", "tiny-index"}
    assert stack.up() == {}


def test_error_names_a_registry_that_fails_during_the_push(tiny: Stack) -> None:
    UPLOADS.chmod(0o500)
    try:
        output = failure(tiny)
    finally:
        UPLOADS.chmod(0o755)
    assert f"registryHost: the registry {paths.REGISTRY_ADDRESS} failed during the push" in output
    assert "pulumi up" in commands(output)
    recovers(tiny)


def test_error_for_a_wrong_token_names_login_and_command(tiny: Stack) -> None:
    tiny.configure(registryToken=f"wrong-{secrets.token_urlsafe(12)}")
    output = failure(tiny)
    assert f"the registry {paths.REGISTRY_ADDRESS} refuses the login of {paths.REGISTRY_USER}" in output
    assert "pulumi config set --secret registryToken" in commands(output)
    # Both images fail with one error.
    assert output.count("error: registryToken:") == 1
    tiny.configure(registryToken=account.registry_token())
    recovers(tiny)


def test_error_for_an_unknown_builder_lists_the_builders(tiny: Stack) -> None:
    tiny.configure(builder="nobody")
    output = failure(tiny)
    assert "builder: this machine has no buildx builder with the name nobody" in output
    assert "docker buildx ls" in commands(output)
    tiny.configure(builder=paths.BUILDER)
    recovers(tiny)


def test_error_for_a_stopped_builder_names_the_command(tiny: Stack) -> None:
    with registered("gone", paths.RUNTIME / "gone.sock"):
        tiny.configure(builder="gone")
        output = failure(tiny)
    assert "builder: the builder gone does not answer" in output
    assert "docker buildx inspect --bootstrap gone" in commands(output)
    tiny.configure(builder=paths.BUILDER)
    recovers(tiny)


def test_error_for_a_full_builder_disk_names_the_command(tiny: Stack) -> None:
    # The base does not fit into 40 MB.
    with small_builder("small", 40) as builder:
        tiny.configure(builder="small", baseImage=BASE)
        output = failure(tiny)
        assert "no space left on device" in output
        assert "builder: the disk of the builder small is full" in output
        assert "docker buildx prune --builder small" in commands(output)
        builder.grow(1000)
        recovers(tiny)


def test_error_names_an_unknown_base_image(tiny: Stack) -> None:
    tiny.configure(baseImage=f"{BASE}.99")
    output = failure(tiny)
    assert f"baseImage: {BASE}.99 does not exist" in output
    assert f"docker buildx imagetools inspect {BASE}.99" in commands(output)
    tiny.configure(baseImage=BASE)
    recovers(tiny)


def test_error_names_an_unknown_scanner(tiny: Stack) -> None:
    tiny.configure(attestations=[f"sbom={BASE}.99"])
    output = failure(tiny)
    assert f"attestations: {BASE}.99 does not exist" in output
    assert "pulumi config rm attestations" in commands(output)
    tiny.configure(attestations=None)
    recovers(tiny)


def test_failed_builds_leave_nothing_behind(tiny: Stack, before: Holdings) -> None:
    tiny.destroy()
    assert left(before) == {}
