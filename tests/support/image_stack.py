"""A stack of registry and image alone: for tests of builds, which need no machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from sandbox import paths
from tests.support.stack import PROJECT, ROOT, Stack

PROGRAM = f"""\
import sys
from pathlib import Path

sys.path.insert(0, {str(ROOT)!r})

import pulumi

from components.image import AppImage, AppImageArgs
from components.registry import Registry, RegistryArgs
from specs.build_inputs import ca_bundle

config = pulumi.Config()
registry = Registry(
    "image",
    RegistryArgs(
        compartment_id=config.require("compartmentId"),
        host=config.require("registryHost"),
        repository=pulumi.get_stack().removeprefix("e2e-"),
        username="",
        user_ocid={paths.USER_OCID!r},
        token=config.require_secret("registryToken"),
    ),
)
image = AppImage(
    "image",
    AppImageArgs(
        registry=registry,
        context=config.require("context"),
        staging=".build",
        tag="v1",
        platforms=["linux/arm64", "linux/amd64"],
        base_image=config.require("baseImage"),
        extra_requirements=config.get("extraRequirements", ""),
        ca_bundle=ca_bundle(Path(config.require("caBundleFile"))) if config.get("caBundleFile") else "",
        sbom_scanner=config.require("sbomScanner"),
        builder=config.require("builder"),
    ),
)
pulumi.export("image", image.reference)
"""


@contextmanager
def image_stack(name: str, folder: Path, overlay: Path) -> Iterator[Stack]:
    """The stack "e2e-<name>", whose repository is `name`, with nothing in it yet; taken back at the end."""
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": PROJECT, "runtime": "python"}))
    (folder / "__main__.py").write_text(PROGRAM)
    # Where the program finds what the apps share.
    (folder / "docker").symlink_to(ROOT / "docker")
    stack = Stack(f"e2e-{name}", folder, overlay)
    stack.clear()
    stack.init()
    # From here on another program of the same project.
    stack.program = folder
    try:
        yield stack
    finally:
        stack.clear()
