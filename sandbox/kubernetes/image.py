"""The image of clusters' containers: the host's own Debian or Ubuntu with etcd, containerd, CNI plugins and HAProxy.

Made by mmdebstrap, imported as localhost/sandbox-kubernetes. Kubernetes itself is mounted from .sandbox/bin, so that another version
needs no other image; so are the sandbox's own Python and code, which run on the image's Python, the host's twin.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from io import BytesIO
from pathlib import Path

from sandbox import distribution, engine, machine_image, paths
from sandbox.process import privileged, run, run_logged

IMAGE = "localhost/sandbox-kubernetes"
# The image of the process that holds a pod's namespaces; imported into each node, pulled from nowhere.
PAUSE = "sandbox.invalid/pause:1"

PACKAGES = distribution.words("""
python3-minimal libpython3-stdlib ca-certificates iproute2 iputils-arping iptables nftables conntrack kmod mount util-linux procps psmisc
etcd-server containerd runc containernetworking-plugins catatonit haproxy openssl e2fsprogs xfsprogs
""")


def key() -> str:
    """Changes whenever the image would."""
    host = distribution.this()
    parts = [*PACKAGES, *host.sources(host.architecture), Path(__file__).read_text()]
    digest = hashlib.sha256("\0".join(parts).encode() + distribution.CA_BUNDLE.read_bytes())
    return digest.hexdigest()[:16]


def ensure() -> bool:
    """Make the image unless it is there; True when it was made. Takes about 30 s and 400 MB of disk."""
    wanted = key()
    found = engine.podman("image", "inspect", "--format", '{{index .Config.Labels "key"}}', IMAGE, check=False)
    if found.returncode == 0 and found.stdout.strip() == wanted:
        return False
    paths.IMAGES.mkdir(parents=True, exist_ok=True)
    tar = paths.IMAGES / "kubernetes.tar"
    run_logged(_mmdebstrap(tar), paths.LOG / "kubernetes-image.log")
    engine.podman("import", "--change", f"LABEL key={wanted}", tar, IMAGE)
    engine.podman("image", "prune", "--force", check=False)
    run(privileged(["rm", "-f", tar]))
    return True


def _mmdebstrap(tar: Path) -> list[str]:
    host = distribution.this()
    command: list[str | Path] = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=tar"]
    command += [f"--architectures={host.architecture}", f"--include={','.join(PACKAGES)}"]
    command += [f"--dpkgopt={option}" for option in machine_image.DPKG_OPTIONS]
    command += [f"--aptopt={option}" for option in [*machine_image.APT_OPTIONS, *distribution.acquire_options()]]
    # What pods' images are pulled over is trusted as on the host.
    command += [f"--customize-hook=upload {distribution.CA_BUNDLE} /etc/ssl/certs/ca-certificates.crt"]
    command += ['--customize-hook=rm -rf "$1"/etc/cni/net.d/* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*']
    return privileged([*command, host.codename, tar, *host.sources(host.architecture)])


def write_pause(target: Path, program: Path, architecture: str) -> None:
    """Write PAUSE as an archive that `ctr images import` reads: one layer with catatonit, which waits and buries orphans (-P).

    source: OCI Image Format Specification 1.1, image-layout.md. The program has to be static.
    """
    layer = BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo("pause")
        entry.size, entry.mode = program.stat().st_size, 0o755
        with program.open("rb") as source:
            tar.addfile(entry, source)
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
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))
