"""What a person adds to the build of an image: files that the build would refuse are refused before it, with the reason."""

from __future__ import annotations

import hashlib
import runpy
from pathlib import Path
from typing import Any

import pytest

from sandbox.distribution import CA_BUNDLE
from specs.build_context import EXTRA, lay_out
from specs.build_inputs import BuildInputError, ca_bundle, check_requirements
from tests.unit.conftest import ROOT, settings_of

HASH = "--hash=sha256:" + "0" * 64


def written(folder: Path, content: str) -> Path:
    file = folder / "given.txt"
    file.write_text(content)
    return file


@pytest.mark.parametrize("lock", sorted((ROOT / "docker").rglob("requirements.txt")), ids=lambda path: path.parent.name)
def test_what_make_lock_writes_is_taken(lock: Path) -> None:
    check_requirements(lock)


def test_a_file_in_the_home_folder_is_found_by_its_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path, f"a==1 {HASH}\n")
    check_requirements(Path("~/given.txt"))
    context = lay_out(ROOT / "docker" / "jupyterlab", tmp_path / "context", Path("~/given.txt"))
    assert (context / EXTRA).read_text() == f"a==1 {HASH}\n"


def test_comments_markers_and_extras_are_taken(tmp_path: Path) -> None:
    check_requirements(
        written(tmp_path, f"# two\na[b]==1 ; python_version < '3.13' \\\n    {HASH}\n\nc==2 {HASH}  # via a\n")
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("numpy\n", "is not locked: numpy has no version with hashes"),
        ("numpy==2.0.0\n", "is not locked: numpy==2.0.0 has"),
        (f"a==1 {HASH}\nnumpy>=2 {HASH}\n", "is not locked: numpy>=2 has"),
        ("https://example.com/a.whl\n", "is not locked"),
        (f"--index-url=https://me:secret@example.com/simple\na==1 {HASH}\n", "has the option --index-url;"),
        ("-r other.txt\n", "has the option -r;"),
    ],
)
def test_packages_that_are_not_locked_and_options_are_refused(content: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BuildInputError, match=reason) as caught:
        check_requirements(written(tmp_path, content))
    assert "secret" not in str(caught.value)


def test_the_certificates_of_a_bundle_are_taken_as_they_are() -> None:
    assert ca_bundle(CA_BUNDLE) == CA_BUNDLE.read_text()


def test_a_private_key_among_the_certificates_is_refused_and_not_shown(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    with pytest.raises(BuildInputError, match="private key") as caught:
        ca_bundle(written(tmp_path, CA_BUNDLE.read_text() + key))
    assert "c2VjcmV0" not in str(caught.value)


def test_packages_for_a_dockerfile_that_would_not_install_them_are_refused(
    tmp_path: Path, values: dict[str, Any]
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    wanted = {"context": str(tmp_path), "extraRequirements": "docker/pypiserver/requirements.txt"}
    with pytest.raises(Exception, match="Dockerfile does not install them"):
        settings_of({**values, **wanted})


def test_packages_that_would_replace_the_apps_own_file_are_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "Dockerfile").write_text(f"COPY {EXTRA} /\n")
    (tmp_path / EXTRA).parent.mkdir()
    (tmp_path / EXTRA).write_text("numpy\n")
    wanted = {"context": str(tmp_path), "extraRequirements": "docker/pypiserver/requirements.txt"}
    with pytest.raises(Exception, match=f"replace the app's own {tmp_path}/{EXTRA}"):
        settings_of({**values, **wanted})


def test_the_further_packages_are_in_the_context_and_an_empty_file_when_there_are_none(tmp_path: Path) -> None:
    extra = written(tmp_path, f"numpy==2.0.0 {HASH}\n")
    context = lay_out(ROOT / "docker" / "jupyterlab", tmp_path / "context", extra)
    assert (context / EXTRA).read_text() == extra.read_text()
    assert lay_out(ROOT / "docker" / "jupyterlab", context) == context
    assert (context / EXTRA).read_text() == ""


# --- the tools beside the images ------------------------------------------------------------------


def script(name: str) -> dict[str, Any]:
    """The names of a script in docker/."""
    return runpy.run_path(str(ROOT / "docker" / name))


def test_packages_are_locked_for_the_platforms_and_pythons_that_the_build_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = ROOT / "docker" / "shared" / "python"
    monkeypatch.syspath_prepend(str(shared))
    installed = runpy.run_path(str(shared / "install_packages.py"))["UV_PLATFORMS"]
    lock = script("lock.py")
    assert lock["PLATFORMS"] == {f"linux/{architecture}": tag for architecture, tag in installed.items()}
    [names] = [line for line in (shared / "with-python").read_text().splitlines() if line.startswith("for python in")]
    assert sorted(lock["PYTHONS"]) == sorted(word.strip(";").removeprefix("python") for word in names.split()[3:-1])


def test_a_file_of_ones_own_takes_the_versions_of_the_app_that_it_adds_to(tmp_path: Path) -> None:
    constraint = script("lock.py")["constraint"]
    assert constraint(tmp_path / "mine.in", "jupyterlab") == ROOT / "docker/jupyterlab/requirements.txt"
    assert constraint(ROOT / "docker/pypiserver/requirements.in", "jupyterlab") is None


def test_a_base_is_pinned_by_the_digest_of_the_index_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index.json"
    index.write_text(
        '{"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}},'
        ' {"platform": {"os": "unknown", "architecture": "unknown"}}]}\n'
    )
    program = tmp_path / "skopeo"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] || [ "$3" = docker://host:5000/base:1 ] && /bin/cat {index}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    names = script("pin_base.py")
    pinned = names["pin"]("host:5000/base:1@sha256:older", ["linux/arm64"])
    assert pinned == f"host:5000/base:1@sha256:{hashlib.sha256(index.read_bytes()).hexdigest()}"
    with pytest.raises(names["PinError"], match=r"does not exist for linux/amd64 \(for linux/arm64\)"):
        names["pin"]("host:5000/base:1", ["linux/arm64", "linux/amd64"])
    with pytest.raises(names["PinError"], match="has no tag to pin"):
        names["pin"]("host:5000/base", ["linux/arm64"])


def test_the_keys_that_pinning_reads_have_their_defaults_when_the_stack_does_not_set_them() -> None:
    settings = script("pin_base.py")["settings"]
    assert settings({})["platforms"] == ["linux/arm64", "linux/amd64"]
    assert settings({"containerised-app:baseImage": {"value": "host/base:1"}})["baseImage"] == "host/base:1"
