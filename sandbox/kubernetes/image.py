"""The image of the clusters' containers: the host's own Debian or Ubuntu with etcd, containerd, CNI plugins and HAProxy.

Kubernetes itself is mounted from .sandbox/bin, so another version needs no new image. The sandbox's virtual environment and code are
mounted too: the image has the same Python as the host.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from io import BytesIO
from pathlib import Path

from sandbox import container_image, distribution

IMAGE = "localhost/sandbox-kubernetes"
# The image of the process that holds the namespaces of a pod; imported into each node, never pulled.
PAUSE = "sandbox.invalid/pause:1"

PACKAGES = distribution.words("""
python3-minimal libpython3-stdlib ca-certificates iproute2 iputils-arping iptables nftables conntrack kmod mount util-linux procps psmisc
etcd-server containerd runc containernetworking-plugins catatonit haproxy openssl e2fsprogs xfsprogs
""")


_HOOKS = (
    # The nodes trust the same authorities as the host.
    f"upload {distribution.CA_BUNDLE} /etc/ssl/certs/ca-certificates.crt",
    'rm -rf "$1"/etc/cni/net.d/* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*',
)


def ensure() -> bool:
    """Build the image unless it exists; return True if it was built. Takes about 30 s and 400 MB of disk."""
    wanted = container_image.key([*PACKAGES, *_HOOKS], [distribution.CA_BUNDLE])
    if container_image.present(IMAGE, wanted):
        return False
    container_image.build(IMAGE, wanted, PACKAGES, _HOOKS)
    return True


def write_pause(target: Path, program: Path, architecture: str) -> None:
    """Write PAUSE as an archive that `ctr images import` reads: one layer with catatonit, which waits and reaps orphans (-P).

    source: OCI Image Format Specification 1.1, image-layout.md. The program has to be static.
    """
    layer = BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        _add(tar, "pause", program.read_bytes(), 0o755)
    blobs: dict[str, bytes] = {}

    def blob(kind: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    data = layer.getvalue()
    described = blob("layer.v1.tar", data)
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/pause", "-P"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [described["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", json.dumps(config).encode()),
        "layers": [described],
    }
    top = {
        **blob("manifest.v1+json", json.dumps(manifest).encode()),
        "annotations": {"io.containerd.image.name": PAUSE},
    }
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [top]}).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    with tarfile.open(target, "w") as tar:
        for name, content in blobs.items():
            _add(tar, name, content)


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, BytesIO(content))
