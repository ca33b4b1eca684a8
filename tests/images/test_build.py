"""Builds of the images: platforms, files, equal digests, errors."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import base_image, paths, registry
from sandbox.binfmt import MACHINES
from sandbox.process import run
from tests.images.conftest import APPS, BUILDER_MEGABYTES, PLATFORMS, Built
from tests.support import published
from tests.support.apps import app
from tests.support.builders import small_builder
from tests.support.image_stack import fresh_copy, image_stack
from tests.support.stack import ROOT, PulumiError

BASE = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/{base_image.REPOSITORY}:3"
# A debugger's wheels for all platforms have this library for amd64.
FOREIGN = {
    ("jupyterlab", "linux/arm64"): {
        "opt/app/lib/python3/site-packages/debugpy/_vendored/pydevd/pydevd_attach_to_process/attach_linux_amd64.so"
    }
}

# A licence text, with a wheel only for linux/amd64.
AMD64_ONLY = """\
intel-cmplr-lic-rt==2026.2.0 \\
    --hash=sha256:402d9bc7fd418ab2df7a75b0545cf447bb52e02bedf4e3af0e7d5809b66d749d
"""

each_app = pytest.mark.parametrize("name", APPS)
each_platform = pytest.mark.parametrize("platform_built", PLATFORMS)


def test_images_of_both_platforms_are_built_without_emulation(built: Built) -> None:
    assert built.exec_error == errno.ENOEXEC
    for name in APPS:
        assert set(published.images(built.reference(name))) == set(PLATFORMS)


@each_app
@each_platform
def test_all_programs_and_libraries_in_an_image_are_of_its_platform(
    built: Built, name: str, platform_built: str
) -> None:
    machine = MACHINES[platform_built.partition("/")[2]].elf
    base = published.layers(BASE, platform_built)
    layers = published.layers(built.reference(name), platform_built)
    assert layers[: len(base)] == base
    found: dict[int, set[str]] = {}
    for digest in layers[len(base) :]:
        for entry, content in published.files(built.reference(name), digest):
            if content.startswith(b"\x7fELF"):
                path = re.sub(r"/python3\.\d+/", "/python3/", entry.name)
                found.setdefault(int.from_bytes(content[18:20], "little"), set()).add(path)
    # At least the init.
    assert "opt/app/bin/dumb-init" in found.pop(machine)
    assert set().union(*found.values()) == FOREIGN.get((name, platform_built), set())


@each_app
@each_platform
def test_files_in_an_image_belong_to_root_and_only_root_can_write_them(
    built: Built, name: str, platform_built: str
) -> None:
    own = published.layers(built.reference(name), platform_built)[len(published.layers(BASE, platform_built)) :]
    others = set()
    for digest in own:
        for entry, _ in published.files(built.reference(name), digest):
            if (entry.uid, entry.gid) != (0, 0) or (entry.mode & 0o022 and not entry.issym()):
                others.add((f"/{entry.name.rstrip('/')}", entry.uid, entry.gid, entry.mode))
    user = app(name).user_id
    assert others == {(app(name).data_path, user, user, 0o755)}


def test_another_builder_and_another_clone_make_equal_images(built: Built, overlay: Path, tmp_path: Path) -> None:
    program = fresh_copy(tmp_path / "clone")
    with small_builder("images-again", BUILDER_MEGABYTES):
        for name in APPS:
            (tmp_path / name).mkdir()
            configuration = {**app(name).configuration, "builder": "images-again"}
            with image_stack(f"again-{name}", tmp_path / name, overlay, program, **configuration) as stack:
                stack.up()
                assert published.images(stack.output("image")) == published.images(built.reference(name))


@each_app
def test_a_plan_from_another_clone_has_no_build(built: Built, name: str, tmp_path: Path) -> None:
    stack = built.stacks[name]
    here = stack.program
    try:
        for number, mode in enumerate((0o600, 0o644, 0o664)):
            stack.program = fresh_copy(tmp_path / f"clone-{number}", mode)
            assert stack.preview("--expect-no-changes") == {}
    finally:
        stack.program = here


def test_a_base_without_a_platform_is_named_before_any_step_runs(
    one_platform: str, overlay: Path, tmp_path: Path
) -> None:
    output = failure(overlay, tmp_path, baseImage=one_platform)
    assert f"baseImage: {one_platform} does not exist for linux/arm64" in output
    assert f"docker buildx imagetools inspect {one_platform}" in commands(output)
    assert "with-python" not in output


@pytest.fixture
def one_platform(sandbox: None) -> Iterator[str]:
    """A base that only exists for linux/amd64."""
    repository = "base/one-platform"
    reference = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/{repository}:3"
    command = ["skopeo", "--insecure-policy", "--override-arch", "amd64", "copy", "--quiet"]
    command += [f"--dest-authfile={registry.login_file()}", f"--dest-cert-dir={registry.certificates()}"]
    command += [f"oci:{base_image.LAYOUT}:{base_image.python_version()}", f"docker://{reference}"]
    run(command, env={"no_proxy": paths.REGISTRY_ADDRESS})
    yield reference
    registry.delete_repository(paths.NAMESPACE, repository)


def test_a_package_without_a_wheel_for_a_platform_is_named_with_the_platform(
    sandbox: None, overlay: Path, tmp_path: Path
) -> None:
    program = fresh_copy(tmp_path / "clone")
    configuration = app("pypiserver").configuration
    with (program / configuration["context"] / "requirements.txt").open("a") as lock:
        lock.write(AMD64_ONLY)
    output = failure(overlay, tmp_path, program, **configuration, baseImage=BASE)
    assert f"context: a locked package of {configuration['context']} does not exist for linux/arm64" in output
    assert re.search(r"intel-cmplr-lic-rt==\S+ has no wheels ", output), output
    assert "error: the packages cannot be installed for linux/arm64" in output


def failure(overlay: Path, folder: Path, program: Path = ROOT, **configuration: Any) -> str:
    """The output of an `up` for linux/arm64 that cannot build the image."""
    (folder / "stack").mkdir()
    configured = {"platforms": ["linux/arm64"], **configuration}
    with image_stack("images-failing", folder / "stack", overlay, program, **configured) as stack:
        with pytest.raises(PulumiError) as caught:
            stack.up()
        return str(caught.value)


def commands(output: str) -> list[str]:
    """The lines, without blanks around them."""
    return [line.strip() for line in output.splitlines()]


def test_a_changed_file_is_a_build_in_the_plan(built: Built, tmp_path: Path) -> None:
    stack = built.stacks["jupyterlab"]
    here = stack.program
    try:
        stack.program = fresh_copy(tmp_path / "clone")
        with (stack.program / app("jupyterlab").context / "jupyter_server_config.py").open("a") as file:
            file.write("# one line more\n")
        assert {"jupyterlab-amd64", "jupyterlab-arm64"} <= stack.preview().keys()
    finally:
        stack.program = here
