"""Writes an image layer of unpacked packages, without unused files, with the files that the packages' scripts would create."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import os
import re
import tarfile
from pathlib import Path
from typing import IO

from sandbox import distribution
from sandbox.oci_layout import Layer, blob

# Package manager, manuals, translations, other character sets (UTF-8 needs none), leap-second time zones; Perl, which only rare commands
# of git need; files of the host.
_LEFT_OUT = re.compile(
    r"(dev|proc|sys|run|tmp|boot|var/cache|var/log|var/lib/(dpkg|apt)|etc/(apt|dpkg|cron\.\w+|init\.d|logrotate\.d|rc.\.d))/."
    r"|usr/share/(doc|man|info|locale|lintian|bug|zoneinfo/(right|posix))(/|$)"
    r"|usr/lib/[^/]+/gconv/|usr/lib/systemd/"
    r"|usr/(bin|share|lib/[^/]+)/(lib)?perl"
    r"|etc/(hostname|resolv\.conf|hosts|machine-id)$"
)
_BYTE_CODE = re.compile(r"usr/lib/python3\.\d+/(.*/)?__pycache__/")
CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"


def left_out(name: str) -> bool:
    """Return whether a path, such as "usr/bin/env", is excluded from the layer."""
    return bool(_LEFT_OUT.match(name))


def write_layer(root: Path, native: Path, layout: Path, python: str) -> Layer:
    """Write the layer of the tar `root` into the OCI layout.

    native: the tar of the host's platform, which has the byte code of the library, the same on every platform; python: the version that
    python3 names.
    """
    unfinished = layout / f"{root.stem}.layer"
    with unfinished.open("wb") as file:
        compressed = _Hashing(file)
        # Level 1: the layer stays on this machine, so time matters more than size.
        with gzip.GzipFile(fileobj=compressed, mode="wb", compresslevel=1, mtime=0) as packed:
            plain = _Hashing(packed)
            with tarfile.open(fileobj=plain, mode="w|") as out:
                _fill(out, root, native, python)
    layer = Layer(compressed.digest(), plain.digest(), unfinished.stat().st_size)
    target = blob(layout, layer.digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(unfinished, target)
    return layer


def _fill(out: tarfile.TarFile, root: Path, native: Path, python: str) -> None:
    added: set[str] = set()
    with tarfile.open(root) as tar:
        for entry in tar:
            name = entry.name.removeprefix("./")
            if name in (".", "") or left_out(name):
                continue
            added.add(name)
            # Without times, the same packages give the same layer.
            entry.mtime = 0
            out.addfile(entry, tar.extractfile(entry) if entry.isreg() else None)
        for source, target in (("passwd", "passwd"), ("group", "group")):
            # The script of base-passwd copies them.
            master = tar.extractfile(f"./usr/share/base-passwd/{source}.master")
            _add(out, f"etc/{target}", master.read() if master else b"")
    if "usr/bin/python3" not in added:
        # The package python3 may have another version.
        link = tarfile.TarInfo("./usr/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, f"python{python}"
        out.addfile(link)
    _add(out, CA_BUNDLE, distribution.CA_BUNDLE.read_bytes(), added)
    if native != root:
        with tarfile.open(native) as tar:
            for entry in tar:
                name = entry.name.removeprefix("./")
                if _BYTE_CODE.match(name) and name not in added:
                    out.addfile(entry, tar.extractfile(entry) if entry.isreg() else None)


def _add(out: tarfile.TarFile, name: str, data: bytes, present: set[str] | None = None) -> None:
    for parent in reversed(Path(name).parents[:-1]):
        if present is not None and str(parent) not in present:
            folder = tarfile.TarInfo(f"./{parent}")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            out.addfile(folder)
    entry = tarfile.TarInfo(f"./{name}")
    entry.size, entry.mode = len(data), 0o644
    out.addfile(copy.copy(entry), io.BytesIO(data))


class _Hashing(io.RawIOBase):
    """Writes to `sink` and hashes the data."""

    def __init__(self, sink: IO[bytes] | gzip.GzipFile) -> None:
        self._sink, self._hash = sink, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        chunk = bytes(data)  # type: ignore[call-overload]
        self._hash.update(chunk)
        self._sink.write(chunk)
        return len(chunk)

    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"
