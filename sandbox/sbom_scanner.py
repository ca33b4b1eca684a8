"""The image that makes the SBOM attestations of the apps' images: syft, on the sandbox's base, in the registry.

Stands in for docker/buildkit-syft-scanner, which is syft too, where Docker's registry cannot be reached. Of the host's platform only,
since BuildKit runs it on the platform that builds.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path

from sandbox import base_image, distribution, oci_layout, paths, registry
from sandbox.oci_layout import Layer, blob
from sandbox.process import write_if_changed

REPOSITORY, TAG = "base/sbom-scanner", "1"
LAYOUT = paths.IMAGES / "sbom-scanner"
SYFT, SCAN = paths.BIN / "syft", Path(__file__).with_name("sbom-scan")


def ensure() -> bool:
    """Make the image unless it is there, in the OCI layout under images/; True when it was made. Needs the base image and bin/syft."""
    wanted, stamp = _key(), LAYOUT / "key"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    shutil.rmtree(LAYOUT, ignore_errors=True)
    base = base_image.native_layer()
    target = blob(LAYOUT, base.digest)
    target.parent.mkdir(parents=True)
    os.link(blob(base_image.LAYOUT, base.digest), target)
    layers = [base, _write_layer()]
    image = oci_layout.write_image(LAYOUT, distribution.this().architecture, layers, ["/usr/local/bin/sbom-scan"])
    oci_layout.write_index(LAYOUT, [image], TAG)
    write_if_changed(stamp, wanted)
    return True


def push() -> bool:
    """Push it unless the registry has it; True when it was pushed. Needs the registry to run."""
    return registry.push(LAYOUT, TAG, REPOSITORY, [TAG])


def _key() -> str:
    """Changes whenever the image would."""
    syft = SYFT.stat()
    parts = f"{base_image.native_layer().digest} {syft.st_size} {syft.st_mtime_ns}".encode()
    return hashlib.sha256(parts + SCAN.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]


def _write_layer() -> Layer:
    """Write the layer with the two programs."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for program in (SYFT, SCAN):
            entry = tarfile.TarInfo(f"usr/local/bin/{program.name}")
            entry.mode, entry.size = 0o755, program.stat().st_size
            with program.open("rb") as content:
                tar.addfile(entry, content)
    # Level 1: as of the base.
    data = gzip.compress(plain.getvalue(), compresslevel=1, mtime=0)
    digest, diff_id = (f"sha256:{hashlib.sha256(content).hexdigest()}" for content in (data, plain.getvalue()))
    write_if_changed(blob(LAYOUT, digest), data)
    return Layer(digest, diff_id, len(data))
