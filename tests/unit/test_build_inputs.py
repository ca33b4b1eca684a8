"""Files that a person adds to a build, and the scripts docker/lock.py and docker/pin_base.py."""

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
def test_locks_of_the_project_are_accepted(lock: Path) -> None:
    check_requirements(lock)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path, f"a==1 {HASH}\n")
    check_requirements(Path("~/given.txt"))
    context = lay_out(ROOT / "docker" / "jupyterlab", tmp_path / "context", Path("~/given.txt"))
    assert (context / EXTRA).read_text() == f"a==1 {HASH}\n"


def test_a_lock_may_have_comments_markers_and_extras(tmp_path: Path) -> None:
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
def test_a_lock_with_open_versions_or_options_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(BuildInputError, match=reason) as caught:
        check_requirements(written(tmp_path, content))
    assert "secret" not in str(caught.value)


def test_a_bundle_of_certificates_stays_as_it_is() -> None:
    assert ca_bundle(CA_BUNDLE) == CA_BUNDLE.read_text()


def test_a_private_key_in_a_bundle_is_refused_and_not_shown(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    with pytest.raises(BuildInputError, match="private key") as caught:
        ca_bundle(written(tmp_path, CA_BUNDLE.read_text() + key))
    assert "c2VjcmV0" not in str(caught.value)


def test_extra_packages_are_refused_if_the_dockerfile_ignores_them(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    wanted = {"context": str(tmp_path), "extraRequirements": "docker/pypiserver/requirements.txt"}
    with pytest.raises(Exception, match="Dockerfile does not install them"):
        settings_of({**values, **wanted})


def test_extra_packages_are_refused_if_the_app_has_a_list_of_its_own(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "Dockerfile").write_text(f"COPY {EXTRA} /\n")
    (tmp_path / EXTRA).parent.mkdir()
    (tmp_path / EXTRA).write_text("numpy\n")
    wanted = {"context": str(tmp_path), "extraRequirements": "docker/pypiserver/requirements.txt"}
    with pytest.raises(Exception, match=f"replace the app's own {tmp_path}/{EXTRA}"):
        settings_of({**values, **wanted})


def test_a_context_has_a_list_of_extra_packages_that_may_be_empty(tmp_path: Path) -> None:
    extra = written(tmp_path, f"numpy==2.0.0 {HASH}\n")
    context = lay_out(ROOT / "docker" / "jupyterlab", tmp_path / "context", extra)
    assert (context / EXTRA).read_text() == extra.read_text()
    assert lay_out(ROOT / "docker" / "jupyterlab", context) == context
    assert (context / EXTRA).read_text() == ""


def script(name: str) -> dict[str, Any]:
    """The names of a script in docker/."""
    return runpy.run_path(str(ROOT / "docker" / name))


def test_a_list_of_extra_packages_takes_the_versions_of_the_app(tmp_path: Path) -> None:
    constraint = script("lock.py")["constraint"]
    assert constraint(tmp_path / "mine.in", "jupyterlab") == ROOT / "docker/jupyterlab/requirements.txt"
    assert constraint(ROOT / "docker/pypiserver/requirements.in", "jupyterlab") is None


def test_pin_base_takes_the_digest_of_the_bytes_of_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with pytest.raises(names["PinError"], match=r"does not exist for linux/amd64 \(only for linux/arm64\)"):
        names["pin"]("host:5000/base:1", ["linux/arm64", "linux/amd64"])
    with pytest.raises(names["PinError"], match="has no tag to pin"):
        names["pin"]("host:5000/base", ["linux/arm64"])


def test_pin_base_reads_the_defaults_of_keys_that_the_stack_does_not_set() -> None:
    settings = script("pin_base.py")["settings"]
    assert settings({})["platforms"] == ["linux/arm64", "linux/amd64"]
    assert settings({"containerised-app:baseImage": {"value": "host/base:1"}})["baseImage"] == "host/base:1"
