"""An image that cannot be built or pushed: the error says which thing it was and what to do, and the next `up` recovers.

For real, with the sandbox's registry and BuildKit; of the program only image and registry are made: no machine is needed.
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
    """What the sandbox held before the tiny stack was there."""
    return holdings()


@pytest.fixture(scope="module")
def tiny(before: Holdings, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of registry and image, which is up."""
    folder = tmp_path_factory.mktemp("e2e-tiny")
    (folder / "context").mkdir()
    (folder / "context" / "Dockerfile").write_text(DOCKERFILE)
    with image_stack("e2e-tiny", folder, overlay, app="tiny") as stack:
        well(stack)
        change(stack)
        stack.up()
        yield stack


@pytest.fixture(autouse=True)
def _well(tiny: Stack) -> None:
    """Whatever the test before left."""
    well(tiny)


def well(stack: Stack) -> None:
    """Configure what can be built and pushed; without a base, so that nothing but the push needs the registry."""
    stack.configure(
        context=str(stack.folder / "context"),
        builder=paths.BUILDER,
        baseImage="scratch",
        registryToken=account.registry_token(),
    )


def change(stack: Stack) -> None:
    """Make a build necessary, whose layer no registry has."""
    (stack.folder / "context" / "content.txt").write_text(secrets.token_hex())


def failure(stack: Stack) -> str:
    """The diagnostics of an `up` that fails; no secret is in them, nor in anything else it printed."""
    change(stack)
    with pytest.raises(PulumiError) as caught:
        stack.up()
    output = str(caught.value)
    for token in {account.registry_token(), *stack.secrets}:
        assert token not in output
        assert token not in stack.event_logs[-1].read_text()
    return output.partition("\nDiagnostics:\n")[2]


def commands(output: str) -> list[str]:
    """What stands on a line of its own, ready to be pasted."""
    return [line.strip() for line in output.splitlines()]


def recovers(stack: Stack) -> None:
    """The next `up` does what the one before could not, and the one after it nothing."""
    assert set(stack.up()) == {"tiny-arm64", "tiny-amd64", "tiny-index"}
    assert stack.up() == {}


def test_a_registry_that_fails_during_the_push_is_named(tiny: Stack) -> None:
    UPLOADS.chmod(0o500)
    try:
        output = failure(tiny)
    finally:
        UPLOADS.chmod(0o755)
    assert f"registryHost: the registry {paths.REGISTRY_ADDRESS} failed during the push" in output
    assert "pulumi up" in commands(output)
    recovers(tiny)


def test_a_wrong_token_is_told_with_the_login_and_the_command_that_sets_another(tiny: Stack) -> None:
    tiny.configure(registryToken=f"wrong-{secrets.token_urlsafe(12)}")
    output = failure(tiny)
    assert f"the registry {paths.REGISTRY_ADDRESS} refuses the login of {paths.REGISTRY_USER}" in output
    assert "pulumi config set --secret registryToken" in commands(output)
    # Both images fail; a person is told once.
    assert output.count("error: registryToken:") == 1
    tiny.configure(registryToken=account.registry_token())
    recovers(tiny)


def test_a_builder_that_does_not_exist_is_told_with_the_list_of_those_that_do(tiny: Stack) -> None:
    tiny.configure(builder="nobody")
    output = failure(tiny)
    assert "builder: this machine has no buildx builder with the name nobody" in output
    assert "docker buildx ls" in commands(output)
    tiny.configure(builder=paths.BUILDER)
    recovers(tiny)


def test_a_builder_whose_socket_is_gone_is_told_with_the_command_that_starts_it(tiny: Stack) -> None:
    with registered("gone", paths.RUNTIME / "gone.sock"):
        tiny.configure(builder="gone")
        output = failure(tiny)
    assert "builder: the builder gone does not answer" in output
    assert "docker buildx inspect --bootstrap gone" in commands(output)
    tiny.configure(builder=paths.BUILDER)
    recovers(tiny)


def test_a_full_disk_of_the_builder_is_told_with_the_command_that_frees_it(tiny: Stack) -> None:
    # Of 40 MB, which the base does not fit in.
    with small_builder("small", 40) as builder:
        tiny.configure(builder="small", baseImage=BASE)
        output = failure(tiny)
        assert "no space left on device" in output
        assert "builder: the disk of the builder small is full" in output
        assert "docker buildx prune --builder small" in commands(output)
        builder.grow(1000)
        recovers(tiny)


def test_a_base_image_that_does_not_exist_is_named(tiny: Stack) -> None:
    tiny.configure(baseImage=f"{BASE}.99")
    output = failure(tiny)
    assert f"baseImage: {BASE}.99 does not exist" in output
    assert f"docker buildx imagetools inspect {BASE}.99" in commands(output)
    tiny.configure(baseImage=BASE)
    recovers(tiny)


def test_a_scanner_that_does_not_exist_is_named(tiny: Stack) -> None:
    tiny.configure(attestations=[f"sbom={BASE}.99"])
    output = failure(tiny)
    assert f"attestations: {BASE}.99 does not exist" in output
    assert "pulumi config rm attestations" in commands(output)
    tiny.configure(attestations=None)
    recovers(tiny)


def test_nothing_of_all_that_is_left(tiny: Stack, before: Holdings) -> None:
    tiny.destroy()
    assert left(before) == {}
