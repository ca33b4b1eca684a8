"""git in the image: when the build installs it, by which command, and what it copies."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.conftest import ROOT


@pytest.fixture
def install_git(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, as the build runs it for an image of linux/arm64."""
    monkeypatch.syspath_prepend(str(ROOT / "docker/shared/python"))
    monkeypatch.setenv("TARGETARCH", "arm64")
    monkeypatch.setenv("BASE_IMAGE", "host/base:1")
    return importlib.import_module("install_git")


def program(path: Path, script: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


@pytest.mark.parametrize("programs", [["dnf", "git"], []])
def test_a_base_with_git_or_without_dnf_stays_as_it_is(
    install_git: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: list[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    for name in programs:
        program(tmp_path / "root/usr/bin" / name)
    install_git.main(tmp_path / "root", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_dnf_that_fails_leaves_the_image_without_git(
    install_git: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path / "root/usr/bin/dnf")
    program(tmp_path / "bin/rpm")
    program(tmp_path / "bin/dnf", "#!/bin/sh\nexit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    install_git.main(tmp_path / "root", tmp_path / "out")
    assert capsys.readouterr().err == "warning: the image has no git: dnf cannot install it on host/base:1\n"
    assert list((tmp_path / "out").iterdir()) == []


def test_dnf_installs_for_the_images_platform_and_runs_no_script(install_git: ModuleType) -> None:
    command = install_git.install(Path("/target"), "arm64", "/ca.pem")
    assert command[0] == "dnf"
    assert command[-2:] == ["install", "git-core"]
    assert {"--installroot=/target", "--forcearch=aarch64", "--setopt=sslcacert=/ca.pem"} <= set(command)
    assert any(word.startswith("--setopt=tsflags=noscripts") for word in command)


def test_files_of_packages_are_copied_to_where_they_lie(install_git: ModuleType, tmp_path: Path) -> None:
    root, out = tmp_path / "root", tmp_path / "out"
    program(root / "usr/bin/git")
    (root / "usr/lib64").mkdir()
    (root / "lib64").symlink_to("usr/lib64")
    (root / "lib64/libone.so.1.0").write_text("library")
    (root / "lib64/libone.so.1").symlink_to("libone.so.1.0")
    (root / "usr/bin/git-add").hardlink_to(root / "usr/bin/git")
    (root / "usr/share/empty").mkdir(parents=True)
    (root / "usr/bin/of-the-base").touch()
    files = {"/usr/bin/git", "/usr/bin/git-add", "/lib64/libone.so.1", "/lib64/libone.so.1.0", "/usr/share/empty"}
    install_git.copy(root, {*files, "/usr/share/doc/git/README", "(contains no files)"}, out)
    assert {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()} == {
        "usr/bin/git",
        "usr/bin/git-add",
        "usr/lib64/libone.so.1",
        "usr/lib64/libone.so.1.0",
    }
    assert (out / "usr/lib64/libone.so.1").readlink() == Path("libone.so.1.0")
    assert (out / "usr/bin/git-add").samefile(out / "usr/bin/git")
    assert (out / "usr/share/empty").is_dir()
