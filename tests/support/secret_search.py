"""Searches for secrets in places of every kind (`find_secret`)."""

from __future__ import annotations

import base64
import json
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

CHUNK = 1 << 20


@dataclass(frozen=True)
class Place:
    """A place without secrets. `read` yields its content in chunks of any size, from the start at each call."""

    name: str
    read: Callable[[], Iterable[bytes]]


class Needles(dict[str, str]):
    """Name to secret. A failing test prints only the names."""

    def __repr__(self) -> str:
        return f"Needles({', '.join(self)})"


def find_secret(places: Iterable[Place], needles: Needles) -> list[str]:
    """ "<place>: <needle's name>" for each place that contains a needle: plain, in base64 of any alignment, in gzip, or in base64 twice."""
    forms = [(name, form) for name, needle in needles.items() for form in encodings(needle)]
    overlap = max(len(form) for _, form in forms) - 1
    found: set[str] = set()
    for place in places:
        tail = b""
        for chunk in _unpacked(place.read()):
            window = tail + chunk
            found.update(f"{place.name}: {name}" for name, form in forms if form in window)
            tail = window[-overlap:]
    return sorted(found)


def encodings(needle: str) -> list[bytes]:
    """The forms of a needle in data: itself, in base64, and in base64 of that."""
    once = _base64_forms(needle.encode())
    return [needle.encode(), *once, *(twice for form in once for twice in _base64_forms(form))]


def _base64_forms(data: bytes) -> list[bytes]:
    """`data` in base64 in the middle of other data: three alignments, without the characters that depend on the neighbours."""
    forms = []
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).rstrip(b"=")
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        forms.append(encoded[first:last])
    return forms


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, decompressed if they are gzip."""
    unzip = None
    for number, chunk in enumerate(chunks):
        if number == 0 and chunk.startswith(b"\x1f\x8b"):
            unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        yield chunk if unzip is None else unzip.decompress(chunk)


def text(name: str, content: str) -> Place:
    """A place with this text."""
    return Place(name, lambda: [content.encode()])


def files(folder: Path, skip: str = r"(?!)") -> Iterator[Place]:
    """All regular files under `folder`, except those with a path in it that `skip`, a regular expression, matches. Folders match with a
    slash at their end.

    Running services may delete temporary files meanwhile.
    """
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not re.match(skip, f"{inside / name}/"))
        for path in (Path(place, name) for name in sorted(names) if not re.match(skip, str(inside / name))):
            if path.is_file() and not path.is_symlink():
                yield Place(str(path), lambda path=path: _chunks(path))  # type: ignore[misc]


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except FileNotFoundError:
        return


def archive(name: str, data: bytes) -> Iterator[Place]:
    """The names and contents of the files in a tar archive, compressed or not."""
    with tarfile.open(fileobj=BytesIO(data)) as tar:
        yield text(f"{name} (names)", "\n".join(tar.getnames()))
        for member in tar:
            if member.isreg() and (file := tar.extractfile(member)):
                content = file.read()
                yield Place(f"{name}: {member.name}", lambda content=content: [content])  # type: ignore[misc]


def image(reference: str, get: Callable[[str, str], Any]) -> Iterator[Place]:
    """Everything that a registry publishes about an image: index, manifests, configurations with their history, and layers.

    `reference`: "<repository>@<digest>"; `get(kind, digest)`: the streamed response (of requests) to a GET of
    /v2/<repository>/<kind>/<digest>, kind being "manifests" or "blobs".
    """
    repository, _, digest = reference.partition("@")
    manifest = get("manifests", digest).content
    yield Place(f"{repository} manifest {digest}", lambda: [manifest])
    document = json.loads(manifest)
    for entry in document.get("manifests", []):
        yield from image(f"{repository}@{entry['digest']}", get)
    for kind, blobs in (
        ("config", [document["config"]] if "config" in document else []),
        ("layer", document.get("layers", [])),
    ):
        for blob in blobs:
            assert blob["mediaType"].endswith(("json", "tar", "gzip")), f"{blob['mediaType']} cannot be searched"
            yield Place(
                f"{repository} {kind} {blob['digest']}",
                lambda digest=blob["digest"]: get("blobs", digest).iter_content(CHUNK),  # type: ignore[misc]
            )
