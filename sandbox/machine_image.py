"""The image of the sandbox's machines: the host's own Debian or Ubuntu with systemd, cloud-init, sshd and podman.

It has the packages and files of machine-image/ and is imported as localhost/sandbox-machine. The registry and BuildKit use it too. It
contains no key, no host key and no password.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from sandbox import container_image, distribution, engine, paths

SOURCE = Path(__file__).parent / "machine-image"
# podman uses netavark, or CNI on releases without it (Ubuntu 22.04).
NETWORK_PACKAGES = {"netavark": ["netavark", "aardvark-dns"], "cni": ["containernetworking-plugins"]}


def packages() -> list[str]:
    """Return the names of the installed packages."""
    listed = distribution.words((SOURCE / "packages").read_text())
    return listed + NETWORK_PACKAGES["netavark" if distribution.this().netavark else "cni"]


def ensure() -> bool:
    """Build the image unless it exists; return True if it was built. Takes about 40 s and 400 MB of disk."""
    files = sorted(path for path in SOURCE.rglob("*") if path.is_file())
    parts = [*packages(), engine.nested_containers_conf()]
    wanted = container_image.key(parts, [*files, *distribution.own_certificates()])
    if container_image.present(paths.MACHINE_IMAGE, wanted):
        return False
    own = paths.IMAGES / "machine-files.tar"
    own.parent.mkdir(parents=True, exist_ok=True)
    _own_files(own)
    container_image.build(paths.MACHINE_IMAGE, wanted, packages(), [f"tar-in {own} /", str(SOURCE / "customize")])
    return True


def _own_files(archive: Path) -> None:
    """Pack the files that are added to the packages; root owns all of them."""

    def of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with tarfile.open(archive, "w") as tar:
        tar.add(SOURCE / "root", ".", filter=of_root)
        for path in distribution.own_certificates():
            tar.add(path, f"./usr/local/share/ca-certificates/{path.name}", filter=of_root)
        conf = engine.nested_containers_conf().encode()
        entry = tarfile.TarInfo("./etc/containers/containers.conf")
        entry.size = len(conf)
        tar.addfile(entry, io.BytesIO(conf))
