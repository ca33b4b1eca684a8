"""Looks for secrets where none may be: one function, `find_secret`, over places of every kind."""

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
    """Somewhere that a secret must not be. `read` yields its content in pieces of any size, from the start at each call."""

    name: str
    read: Callable[[], Iterable[bytes]]


class Needles(dict[str, str]):
    """Name to secret; a failing test, which shows its values, shows the names alone."""

    def __repr__(self) -> str:
        return f"Needles({', '.join(self)})"


def find_secret(places: Iterable[Place], needles: Needles) -> list[str]:
    """ "<place>: <needle's name>" for each place which holds a needle, plain or in base64 of any alignment, also within gzip
    and in base64 twice over.
    """
    forms = [(name, form) for name, needle in needles.items() for form in encodings(needle)]
    overlap = max(len(form) for _, form in forms) - 1
    found: set[str] = set()
    for place in places:
        tail = b""
        for piece in _unpacked(place.read()):
            window = tail + piece
            found.update(f"{place.name}: {name}" for name, form in forms if form in window)
            tail = window[-overlap:]
    return sorted(found)


def encodings(needle: str) -> list[bytes]:
    """The forms in which a needle may lie in data: itself, in base64, and in base64 of that."""
    once = _base64_forms(needle.encode())
    return [needle.encode(), *once, *(twice for form in once for twice in _base64_forms(form))]


def _base64_forms(data: bytes) -> list[bytes]:
    """What base64 makes of `data` in the middle of something else: three alignments, without what depends on the neighbours."""
    forms = []
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).rstrip(b"=")
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        forms.append(encoded[first:last])
    return forms


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces, or what is in them when they are gzip."""
    unzip = None
    for number, piece in enumerate(pieces):
        if number == 0 and piece.startswith(b"\x1f\x8b"):
            unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
        yield piece if unzip is None else unzip.decompress(piece)


def text(name: str, content: str) -> Place:
    """A place which is known as text."""
    return Place(name, lambda: [content.encode()])


def files(folder: Path, skip: str = r"(?!)") -> Iterator[Place]:
    """All regular files under `folder` but those whose path in it begins with what `skip`, a regular expression, matches; into a folder
    whose path with its slash begins so nobody looks.

    Files and folders which vanish meanwhile (temporary ones of services that run) hold nothing.
    """
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        folders[:] = sorted(name for name in folders if not re.match(skip, f"{inside / name}/"))
        for path in (Path(place, name) for name in sorted(names) if not re.match(skip, str(inside / name))):
            if path.is_file() and not path.is_symlink():
                yield Place(str(path), lambda path=path: _pieces(path))  # type: ignore[misc]


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    except FileNotFoundError:
        return


def archive(name: str, data: bytes) -> Iterator[Place]:
    """The files in a tar archive, compressed or not, and their names."""
    with tarfile.open(fileobj=BytesIO(data)) as tar:
        yield text(f"{name} (names)", "\n".join(tar.getnames()))
        for member in tar:
            if member.isreg() and (file := tar.extractfile(member)):
                content = file.read()
                yield Place(f"{name}: {member.name}", lambda content=content: [content])  # type: ignore[misc]


def image(reference: str, get: Callable[[str, str], Any]) -> Iterator[Place]:
    """All that a registry hands out of an image: index, manifests, configurations with their history, and layers.

    `reference`: "<repository>@<digest>"; `get(kind, digest)`: the answer (as of requests, streamed) to a GET of
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
