"""Writes an OCI image layout (source: OCI Image Format Specification 1.1, image-layout.md, config.md, image-index.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.process import write_if_changed

_TYPE = "application/vnd.oci.image."
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Layer:
    """A layer. digest: of the compressed blob; diff_id: of the tar in it; size: of the blob in bytes."""

    digest: str
    diff_id: str
    size: int


def blob(layout: Path, digest: str) -> Path:
    """Return the path of a blob."""
    return layout / "blobs" / digest.replace(":", "/", 1)


def write_image(layout: Path, architecture: str, layers: Sequence[Layer]) -> dict[str, Any]:
    """Write config and manifest of an image; its layers exist. Returns the descriptor for an index."""
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": [f"PATH={PATH}", "LANG=C.UTF-8"], "Cmd": ["/bin/bash"]},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created_by": "the sandbox", "empty_layer": False} for _ in layers],
    }
    gzipped = [
        {"mediaType": f"{_TYPE}layer.v1.tar+gzip", "digest": layer.digest, "size": layer.size} for layer in layers
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}manifest.v1+json",
        "config": _write(layout, f"{_TYPE}config.v1+json", config),
        "layers": gzipped,
    }
    return {
        **_write(layout, f"{_TYPE}manifest.v1+json", manifest),
        "platform": {"architecture": architecture, "os": "linux"},
    }


def write_index(layout: Path, images: list[dict[str, Any]], tag: str) -> None:
    """Write the image index of all platforms and the layout's own files."""
    index_type = f"{_TYPE}index.v1+json"
    index = _write(layout, index_type, {"schemaVersion": 2, "mediaType": index_type, "manifests": images})
    top = {**index, "annotations": {"org.opencontainers.image.ref.name": tag}}
    write_if_changed(layout / "index.json", json.dumps({"schemaVersion": 2, "manifests": [top]}))
    write_if_changed(layout / "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}))


def index_digest(layout: Path) -> str:
    """Return the digest of the index."""
    return str(json.loads((layout / "index.json").read_text())["manifests"][0]["digest"])


def layer_of(layout: Path, architecture: str) -> Layer:
    """Return the only layer of the image for this architecture."""
    images = _read(layout, index_digest(layout))["manifests"]
    [found] = [entry["digest"] for entry in images if entry["platform"]["architecture"] == architecture]
    manifest = _read(layout, found)
    [layer] = manifest["layers"]
    [diff_id] = _read(layout, manifest["config"]["digest"])["rootfs"]["diff_ids"]
    return Layer(layer["digest"], diff_id, layer["size"])


def _read(layout: Path, digest: str) -> Any:
    return json.loads(blob(layout, digest).read_text())


def _write(layout: Path, media_type: str, content: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(content, sort_keys=True).encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    write_if_changed(blob(layout, digest), data)
    return {"mediaType": media_type, "digest": digest, "size": len(data)}
