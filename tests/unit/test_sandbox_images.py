"""The base image and the machine image: content and package sources."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from sandbox import base_image, distribution, machine_image, oci_layout, root_layer
from sandbox.process import SandboxError


@pytest.mark.parametrize(
    "name",
    [
        *("dev/null", "proc/x", "var/lib/dpkg/status", "etc/apt/sources.list", "etc/hostname", "etc/resolv.conf"),
        *("usr/share/doc/bash/copyright", "usr/share/locale/de", "usr/share/zoneinfo/right/UTC"),
        "usr/lib/aarch64-linux-gnu/gconv/EBCDIC.so",
    ],
)
def test_layer_excludes_unused_files(name: str) -> None:
    assert root_layer.left_out(name)


@pytest.mark.parametrize(
    "name",
    ["dev", "tmp", "etc/passwd", "etc/nsswitch.conf", "usr/bin/env", "usr/share/zoneinfo/UTC", "usr/lib/os-release"],
)
def test_layer_keeps_files_an_app_may_need(name: str) -> None:
    assert not root_layer.left_out(name)


def packed(path: Path, files: dict[str, bytes], mtime: int = 1) -> Path:
    """Write a tar like mmdebstrap."""
    masters = {
        "usr/share/base-passwd/passwd.master": b"root:x:0:0::/root:/bin/bash\n",
        "usr/share/base-passwd/group.master": b"",
    }
    with tarfile.open(path, "w") as tar:
        for name, content in {**masters, **files}.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mtime = len(content), mtime
            tar.addfile(entry, io.BytesIO(content))
    return path


def layer_names(layout: Path, layer: oci_layout.Layer) -> set[str]:
    with tarfile.open(oci_layout.blob(layout, layer.digest)) as tar:
        return {entry.name.removeprefix("./") for entry in tar}


def test_layer_has_users_certificates_and_byte_code(tmp_path: Path) -> None:
    code = "usr/lib/python3.11/__pycache__/os.cpython-311.pyc"
    native = packed(tmp_path / "amd64.tar", {code: b"code"})
    foreign = packed(tmp_path / "arm64.tar", {"usr/lib/python3.11/os.py": b"", "usr/share/doc/x": b""})
    names = layer_names(tmp_path, root_layer.write_layer(foreign, native, tmp_path, "3.11"))
    assert {
        "etc/passwd",
        "etc/group",
        root_layer.CA_BUNDLE,
        code,
        "usr/lib/python3.11/os.py",
        "usr/bin/python3",
    } <= names
    assert "usr/share/doc/x" not in names


def test_layer_is_reproducible(tmp_path: Path) -> None:
    digests = set()
    for time in (1, 2):
        root = packed(tmp_path / f"{time}.tar", {"usr/bin/env": b"env"}, mtime=time)
        digests.add(root_layer.write_layer(root, root, tmp_path, "3.11").digest)
    assert len(digests) == 1


def test_index_has_one_image_for_each_platform(tmp_path: Path) -> None:
    layer = oci_layout.Layer("sha256:" + "a" * 64, "sha256:" + "b" * 64, 1)
    images = [oci_layout.write_image(tmp_path, architecture, [layer]) for architecture in ("amd64", "arm64")]
    oci_layout.write_index(tmp_path, images, "3.11")
    index = json.loads(oci_layout.blob(tmp_path, oci_layout.index_digest(tmp_path)).read_text())
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
    manifest = json.loads(oci_layout.blob(tmp_path, index["manifests"][1]["digest"]).read_text())
    config = json.loads(oci_layout.blob(tmp_path, manifest["config"]["digest"]).read_text())
    assert (config["architecture"], config["rootfs"]["diff_ids"]) == ("arm64", [layer.diff_id])


def a_distribution(name: str, python: str = "3.12") -> distribution.Distribution:
    archives = [distribution.Source("http://archive/ubuntu", "noble", ["main", "universe"])]
    return distribution.Distribution(name, "noble", "amd64", "/k.gpg", archives, python, netavark=False)


def test_ubuntu_ports_serve_other_architectures() -> None:
    ubuntu, debian = a_distribution("ubuntu"), a_distribution("debian")
    assert ubuntu.sources("amd64") == ["deb [signed-by=/k.gpg] http://archive/ubuntu noble main universe"]
    assert "ports.ubuntu.com" in ubuntu.sources("arm64")[0]
    assert debian.sources("arm64") == debian.sources("amd64")


def test_machine_image_has_the_network_packages_of_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "this", lambda: a_distribution("ubuntu"))
    assert "containernetworking-plugins" in machine_image.packages()
    assert "netavark" not in machine_image.packages()


def test_release_without_a_suitable_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "this", lambda: a_distribution("debian", python=""))
    with pytest.raises(SandboxError, match=r"need Python 3\.11 or newer"):
        base_image.python_version()


def test_machine_image_files_belong_to_root_and_hold_no_key(tmp_path: Path) -> None:
    machine_image._own_files(tmp_path / "files.tar")
    with tarfile.open(tmp_path / "files.tar") as tar:
        entries = {entry.name: entry for entry in tar}
        private = [name for name, entry in entries.items() if entry.isreg() and b"PRIVATE KEY" in reading(tar, entry)]
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(0, 0)}
    assert entries["./usr/local/sbin/sandbox-hypervisor"].mode == 0o755
    assert private == []


def reading(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file else b""
