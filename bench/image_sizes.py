"""How large an image is in its registry, and why: layers by name, beside the same packages without any image. MB are 10^6 bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from sandbox import paths, registry
from sandbox.process import run

MB = 1_000_000
GZIP_LEVEL = 6
"""Gzip's own default, which BuildKit uses."""
WHEEL_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# What glibc 2.28 takes, newest first (source: PEP 600), as `manylinux_2_28` means to uv; pip wants each by its name.
GLIBC_MINORS = range(28, 16, -1)

_LAYER_NAMES = {"common": "packages, what all platforms share", "": "the app's own files"}


@dataclass(frozen=True)
class Layer:
    """name: what is in it; digest: of the compressed blob, of `size` bytes."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True)
class Packages:
    """The locked packages for one platform. wheels: file name to size; installed: gzip of their tree, without byte code."""

    wheels: dict[str, int]
    installed: int


class _Counter(io.RawIOBase):
    """Counts what is written to it."""

    def __init__(self) -> None:
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = len(memoryview(data).cast("B"))
        self.count += size
        return size


def manifest_of(index: dict[str, Any], architecture: str) -> str:
    """The digest of an architecture's image in an index; attestations have a platform of their own."""
    [found] = [one["digest"] for one in index["manifests"] if one["platform"]["architecture"] == architecture]
    return str(found)


def layers(manifest: dict[str, Any], config: dict[str, Any]) -> list[Layer]:
    """The layers of an image from the base on, each named by the instruction that made it."""
    makers = [entry.get("created_by", "") for entry in config["history"] if not entry.get("empty_layer")]
    return [
        Layer(layer_name(maker), layer["digest"], layer["size"])
        for maker, layer in zip(makers, manifest["layers"], strict=True)
    ]


def layer_name(created_by: str) -> str:
    """What the layer of an instruction of docker/jupyterlab/Dockerfile holds; of any other, the instruction."""
    copied = re.match(r"COPY /out/?(\w*) / ", created_by)
    if not copied:
        return created_by.removesuffix(" # buildkit")
    return _LAYER_NAMES.get(copied[1], alone(copied[1]))


def alone(architecture: str) -> str:
    """The name of the layer with what an architecture does not share with others."""
    return f"packages, {architecture} alone"


def fetch(reference: str, architecture: str, folder: Path) -> list[Layer]:
    """Copy an architecture's image of the index `reference` to `folder`, a file each layer (containers-transports(5), "dir")."""
    image, manifest = _manifest(reference, architecture)
    options = [f"--src-authfile={registry.login_file()}", f"--src-cert-dir={registry.certificates()}"]
    _skopeo("copy", "--quiet", *options, f"docker://{image}", f"dir:{folder}")
    return layers(manifest, json.loads(blob(folder, manifest["config"]["digest"]).read_text()))


def digests(reference: str, architecture: str) -> set[str]:
    """The layers of an architecture's image of the index `reference`."""
    _, manifest = _manifest(reference, architecture)
    return {layer["digest"] for layer in manifest["layers"]}


def blob(folder: Path, digest: str) -> Path:
    """Where `fetch` put a layer."""
    return folder / digest.partition(":")[2]


def byte_code(blobs: Sequence[Path]) -> int:
    """The size of one gzipped tar of all Python byte code in some layers."""
    with _gzipped_tar() as (counter, target):
        for path in blobs:
            with tarfile.open(path, "r|*") as source:
                for member in source:
                    if member.name.endswith(".pyc"):
                        target.addfile(member, source.extractfile(member))
    return counter.count


def packages_alone(requirements: Path, architecture: str, python: str, folder: Path) -> Packages:
    """Download the locked wheels for an architecture and install them in a plain folder. python: "3.11"; folder: to work in."""
    wheels, tree = folder / "wheels", folder / "tree"
    target = ["--only-binary", ":all:", "--python-version", python, "--implementation", "cp"]
    target += ["--abi", f"cp{python.replace('.', '')}", "--abi", "abi3", "--abi", "none"]
    for minor in GLIBC_MINORS:
        target += ["--platform", f"manylinux_2_{minor}_{WHEEL_MACHINES[architecture]}"]
    target += ["--platform", f"manylinux2014_{WHEEL_MACHINES[architecture]}"]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wanted: list[str | Path] = ["--no-deps", "--require-hashes", "--requirement", requirements]
    run([*pip, "download", *target, *wanted, "--dest", wheels])
    local: list[str | Path] = ["--no-index", "--find-links", wheels, "--no-compile", "--target", tree]
    run([*pip, "install", *target, *wanted, *local])
    with _gzipped_tar() as (counter, packed):
        packed.add(tree, ".")
    return Packages({wheel.name: wheel.stat().st_size for wheel in wheels.iterdir()}, counter.count)


@contextmanager
def _gzipped_tar() -> Iterator[tuple[_Counter, tarfile.TarFile]]:
    """A tar to add to; what it comes to is counted, not kept."""
    counter = _Counter()
    with (
        gzip.GzipFile(fileobj=cast("BinaryIO", counter), mode="wb", compresslevel=GZIP_LEVEL, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as target,
    ):
        yield counter, target


def _manifest(reference: str, architecture: str) -> tuple[str, dict[str, Any]]:
    """The reference by digest of an architecture's image of the index `reference`, and its manifest."""
    inspect = ["inspect", "--raw", f"--authfile={registry.login_file()}", f"--cert-dir={registry.certificates()}"]
    index = json.loads(_skopeo(*inspect, f"docker://{reference}"))
    repository = re.sub(r"(@[^/]*|:[^/:]*)$", "", reference)
    image = f"{repository}@{manifest_of(index, architecture)}"
    return image, json.loads(_skopeo(*inspect, f"docker://{image}"))


def _skopeo(*words: str) -> str:
    return run(["skopeo", "--insecure-policy", *words], env={"no_proxy": paths.REGISTRY_ADDRESS}).stdout
