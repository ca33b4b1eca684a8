"""The image of the sandbox's machines: the host's own Debian or Ubuntu with systemd, cloud-init, sshd and podman.

Made by mmdebstrap from packages/ and root/ of machine-image/, imported as localhost/sandbox-machine. The registry and BuildKit run in
it too. It holds no key, no host key and no password.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

from sandbox import distribution, engine, paths
from sandbox.process import privileged, run, run_logged

SOURCE = Path(__file__).parent / "machine-image"
# podman's network is netavark, except on releases which do not have it yet (Ubuntu 22.04) and use CNI.
NETWORK_PACKAGES = {"netavark": ["netavark", "aardvark-dns"], "cni": ["containernetworking-plugins"]}
# Nobody reads manuals in a machine that lives for minutes; dpkg's fsync calls guard a file system that is not there yet.
DPKG_OPTIONS = [
    *(f"path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "info", "locale", "lintian")),
    "force-unsafe-io",
]
APT_OPTIONS = ['APT::Install-Recommends "false"', 'Acquire::Languages "none"']


def packages() -> list[str]:
    """What is installed, by name."""
    listed = distribution.words((SOURCE / "packages").read_text())
    return listed + NETWORK_PACKAGES["netavark" if distribution.this().netavark else "cni"]


def _files() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*") if path.is_file())


def key() -> str:
    """Changes whenever the image would."""
    digest = hashlib.sha256()
    parts = [
        *packages(),
        *distribution.this().sources(distribution.this().architecture),
        engine.nested_containers_conf(),
    ]
    digest.update("\0".join([*parts, *DPKG_OPTIONS, *APT_OPTIONS]).encode())
    for path in [*_files(), *distribution.own_certificates()]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def present(wanted: str) -> bool:
    """Is the image of this key there?"""
    found = engine.podman(
        "image", "inspect", "--format", '{{index .Config.Labels "key"}}', paths.MACHINE_IMAGE, check=False
    )
    return found.returncode == 0 and found.stdout.strip() == wanted


def ensure() -> bool:
    """Make the image unless it is there; True when it was made. Takes about 40 s and 400 MB of disk."""
    wanted = key()
    if present(wanted):
        return False
    paths.IMAGES.mkdir(parents=True, exist_ok=True)
    own, tar = paths.IMAGES / "machine-files.tar", paths.IMAGES / "machine.tar"
    _own_files(own)
    run_logged(mmdebstrap_command(own, tar), paths.LOG / "machine-image.log")
    engine.podman("import", "--change", f"LABEL key={wanted}", tar, paths.MACHINE_IMAGE)
    # An image which no container uses any more; one in use stays until its machine is replaced.
    engine.podman("image", "prune", "--force", check=False)
    run(privileged(["rm", "-f", tar]))
    return True


def _own_files(archive: Path) -> None:
    """Pack the files that go over the packages', all of them root's, whoever has the checkout."""

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


def mmdebstrap_command(own: Path, tar: Path) -> list[str]:
    """How the root is made. As root, since its files belong to root."""
    host = distribution.this()
    command: list[str | Path] = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=tar"]
    command += [f"--architectures={host.architecture}", f"--include={','.join(packages())}"]
    command += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    command += [f"--aptopt={option}" for option in [*APT_OPTIONS, *distribution.acquire_options()]]
    command += [f"--customize-hook=tar-in {own} /", f"--customize-hook={SOURCE / 'customize'}"]
    return privileged([*command, host.codename, tar, *host.sources(host.architecture)])
