"""Locks, build contexts, Dockerfiles, build arguments."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.utils import canonicalize_name

from specs import dockerignore
from specs.build_context import lay_out, left_out
from specs.image import SOURCE_DATE_EPOCH, build_args, labels
from tests.support.at_once import at_once

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
APPS = ["jupyterlab", "pypiserver"]
SHARED = DOCKER / "shared" / "python"
OWN_LOCKS = [ROOT / folder / "requirements.txt" for folder in (".", "sandbox", "policy", "tests")]
LOCKS = [*(DOCKER / app / "requirements.txt" for app in APPS), SHARED / "build-requirements.txt", *OWN_LOCKS]
CONFIG = DOCKER / "jupyterlab" / "jupyter_server_config.py"

each_app = pytest.mark.parametrize("app", APPS)
each_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")


def requirements(text: str) -> list[str]:
    """The requirements of a file, each with its continuation lines, without comments."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text))
    return [line for line in joined.splitlines() if line.strip()]


def instructions(app: str) -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments)."""
    lines = requirements((DOCKER / app / "Dockerfile").read_text())
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def final_stage(app: str) -> list[tuple[str, str]]:
    """The instructions of the last stage, its FROM first."""
    found = instructions(app)
    return found[max(i for i, (word, _) in enumerate(found) if word == "FROM") :]


@each_lock
def test_a_lock_has_exact_versions_and_hashes(lock: Path) -> None:
    for requirement in requirements(lock.read_text()):
        assert re.match(r"[a-z0-9.-]+==[0-9][0-9a-z.]*( |$)", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


@each_lock
def test_a_lock_has_the_packages_of_its_source(lock: Path) -> None:
    locked = {requirement.split()[0] for requirement in requirements(lock.read_text())}
    names = {requirement.partition("==")[0] for requirement in locked}
    lines = requirements(lock.with_suffix(".in").read_text())
    asked = {re.sub("^[^=]+", lambda name: canonicalize_name(name[0]), line) for line in lines if line[0] != "-"}
    assert asked <= locked | names


@each_lock
def test_a_lock_has_the_options_that_the_update_bot_reads(lock: Path) -> None:
    """Source: dependabot-core, uv/lib/dependabot/uv/file_updater/compile_file_updater.rb."""
    header = [line for line in lock.read_text().splitlines() if line.startswith("#")]
    assert any(re.search(r"--universal .*--python-version 3\.1\d$", line) for line in header)


def test_locks_of_the_project_have_equal_versions() -> None:
    versions: dict[str, set[str]] = {}
    for requirement in (line for lock in OWN_LOCKS for line in requirements(lock.read_text())):
        pinned, _, marker = requirement.partition("--hash")[0].strip(" \\").partition(" ; ")
        name, _, version = pinned.partition("==")
        versions.setdefault(f"{name} ; {marker}", set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_a_base_without_python_is_named_with_the_command_that_fixes_it(tmp_path: Path) -> None:
    for program in ("dirname", "cat"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    done = subprocess.run(
        ["/bin/sh", SHARED / "with-python", "install_packages.py"],
        env={"PATH": str(tmp_path), "BASE_IMAGE": "host/bare:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == os.EX_CONFIG
    assert "baseImage: host/bare:1 has no Python" in done.stderr
    assert "pulumi config set baseImage" in done.stderr


@each_app
def test_a_context_has_only_what_the_dockerfile_uses(app: str, tmp_path: Path) -> None:
    ignore = [line for line in (DOCKER / app / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    used = {source for _, arguments in instructions(app) for source in re.findall(r"source=([^,\s]+)", arguments)}
    assert ignore[0] == "*"
    assert {line.removeprefix("!") for line in ignore[1:]} == used
    context = lay_out(DOCKER / app, tmp_path)
    assert all((context / source).exists() for source in used)


def test_a_context_has_all_files_of_the_app_except_caches_of_python_tools(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for folder in (".", "__pycache__", ".mypy_cache/3.11", ".config", ".model_cache", "extra", "../elsewhere/inner"):
        (app / folder).mkdir(parents=True, exist_ok=True)
        (app / folder / "file").write_text("content")
    # An older version of the program left it.
    stale = tmp_path / "context" / ".mypy_cache" / "3.11"
    stale.mkdir(parents=True)
    (stale / "file").write_text("content")
    (app / "linked").symlink_to(tmp_path / "elsewhere")
    for own in ("extra/requirements.txt", "shared/python/healthcheck"):
        (app / own).parent.mkdir(parents=True, exist_ok=True)
        (app / own).write_text("own")
    context = lay_out(app, tmp_path / "context")
    kept = {str(path.relative_to(context)) for path in context.rglob("file")}
    assert kept == {"file", ".config/file", ".model_cache/file", "extra/file", "linked/inner/file"}
    assert {path.read_text() for path in context.rglob("*") if path.name in ("requirements.txt", "healthcheck")} == {
        "own"
    }
    assert not stale.parent.exists()
    assert left_out(app) == []


@pytest.mark.parametrize(
    ("patterns", "path", "excluded"),
    [
        ("", "README.md", False),
        ("*\n!shared/python\n!requirements.txt\n", "README.md", True),
        ("*\n!shared/python\n!requirements.txt\n", "requirements.txt", False),
        ("*\n!shared/python\n!requirements.txt\n", "shared/python/with-python", False),
        ("*\n!shared/python\n!requirements.txt\n", "shared/other", True),
        ("*\n!shared/python\n!requirements.txt\n", "requirements.txt.orig", True),
        ("?\n.\n", "README.md", False),
        ("# *\n/data/\n", "data/inner/file", True),
        ("/data/\n", "other/data/file", False),
        ("**/*.log\n", "inner/deeper/a.log", True),
        ("*.log\n", "inner/a.log", False),
        ("inner/**\n!inner/kept?.[ch]\n", "inner/kept1.c", False),
        ("inner/**\n!inner/kept?.[ch]\n", "inner/kept1.o", True),
    ],
)
def test_dockerignore_follows_the_last_pattern_that_matches(
    patterns: str, path: str, excluded: bool, tmp_path: Path
) -> None:
    (tmp_path / ".dockerignore").write_text(patterns)
    assert dockerignore.read(tmp_path).excludes(Path(path)) == excluded
    file = tmp_path / "app" / path
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / ".dockerignore").rename(tmp_path / "app/.dockerignore")
    assert (lay_out(tmp_path / "app", tmp_path / "context") / path).exists() != excluded


def test_a_context_lists_files_that_cannot_be_copied(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/around").symlink_to("..")
    (tmp_path / "nothing").symlink_to("none")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "excluded").symlink_to("none")
    (tmp_path / ".dockerignore").write_text("excluded\n")
    assert left_out(tmp_path) == [tmp_path / "folder/around", tmp_path / "nothing", tmp_path / "pipe"]
    assert lay_out(tmp_path, tmp_path.with_name("context")).is_dir()


def test_a_context_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text("FROM scratch\n")
    (app / "start").write_text("#!/bin/sh\n")
    modes = []
    for file_mode, program_mode in ((0o644, 0o755), (0o600, 0o700), (0o664, 0o775)):
        (app / "Dockerfile").chmod(file_mode)
        (app / "start").chmod(program_mode)
        context = lay_out(app, tmp_path / "context")
        modes.append({path.name: path.stat().st_mode & 0o777 for path in (context / "Dockerfile", context / "start")})
    assert modes == [{"Dockerfile": 0o644, "start": 0o755}] * 3


def test_a_context_follows_changed_and_deleted_files(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    for name in ("Dockerfile", "gone"):
        (app / name).write_text("before")
    lay_out(app, tmp_path / "context")
    (app / "gone").unlink()
    (app / "Dockerfile").write_text("after")
    context = lay_out(app, tmp_path / "context")
    assert not (context / "gone").exists()
    assert (context / "Dockerfile").read_text() == "after"
    assert (context / "shared/python/healthcheck").read_bytes() == (SHARED / "healthcheck").read_bytes()


def _lay_out_again_and_again(apps: list[Path], target: Path) -> None:
    for app in apps * 20:
        lay_out(app, target)


def test_two_previews_of_a_stack_can_run_at_the_same_time(tmp_path: Path) -> None:
    apps = [tmp_path / name for name in ("before", "after")]
    for app in apps:
        (app / f"folder-{app.name}").mkdir(parents=True)
        for file in ("Dockerfile", f"folder-{app.name}/file"):
            (app / file).write_text(app.name)
    context = tmp_path / "context"
    at_once(_lay_out_again_and_again, [(apps, context)] * 3)
    assert (context / "Dockerfile").read_text() == "after"
    found = {str(path.relative_to(context)) for path in context.rglob("*") if "shared" not in path.parts}
    assert found == {"Dockerfile", "folder-after", "folder-after/file", "extra", "extra/requirements.txt"}


@each_app
def test_all_stages_but_the_last_run_on_the_platform_that_builds(app: str) -> None:
    own = [f"--platform=$BUILDPLATFORM ${{BASE_IMAGE}} AS {stage}" for stage in ("packages", "files", "git")]
    bases = {arguments for word, arguments in instructions(app) if word == "FROM"}
    assert bases <= {*own, "${BASE_IMAGE} AS target", "target", "${BASE_IMAGE}"}
    assert not {"RUN", "ADD", "WORKDIR"} & {word for word, _ in final_stage(app)}
    assert all(arguments.startswith("--link --from=") for word, arguments in final_stage(app) if word == "COPY")


@each_app
def test_the_default_base_is_that_of_the_program(app: str) -> None:
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert ("ARG", f"BASE_IMAGE={schema['baseImage']['default']}") in instructions(app)


def test_jupyterlab_needs_a_password_even_without_its_configuration_file() -> None:
    assert "--PasswordIdentityProvider.password_required=True" in dict(final_stage("jupyterlab"))["CMD"]


def test_files_and_history_of_an_image_have_one_time() -> None:
    assert f"\nTIME = {SOURCE_DATE_EPOCH}\n" in (SHARED / "finish.py").read_text()


@pytest.mark.parametrize(
    ("attestations", "arguments"),
    [
        ([], {}),
        (["provenance"], {"BUILDKIT_ATTEST_PROVENANCE": "mode=max"}),
        (["sbom"], {"BUILDKIT_ATTEST_SBOM": "generator=docker/buildkit-syft-scanner:stable-1"}),
        (["sbom=host/scanner:1"], {"BUILDKIT_ATTEST_SBOM": "generator=host/scanner:1"}),
    ],
)
def test_build_arguments_name_the_configured_attestations(attestations: list[str], arguments: dict[str, str]) -> None:
    built = build_args(["linux/arm64", "linux/amd64"], "host/base:1", attestations)
    assert built["PLATFORMS"] == "linux/arm64,linux/amd64"
    assert {name: value for name, value in built.items() if "ATTEST" in name} == arguments


def test_labels_name_the_base_and_its_digest() -> None:
    prefix = "org.opencontainers.image"
    assert labels("app", "v1", "host/base:1") == {
        f"{prefix}.title": "app",
        f"{prefix}.version": "v1",
        f"{prefix}.base.name": "host/base:1",
    }
    pinned = labels("app", "v1", "host/base:1@sha256:0")
    assert (pinned[f"{prefix}.base.name"], pinned[f"{prefix}.base.digest"]) == ("host/base:1", "sha256:0")


def test_the_default_configuration_fits_the_jupyterlab_image() -> None:
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    stage = dict(final_stage("jupyterlab"))
    assert schema["context"]["default"] == "docker/jupyterlab"
    assert str(schema["port"]["default"]) == stage["EXPOSE"]
    assert f"install_files.py {schema['dataPath']['default']} " in (DOCKER / "jupyterlab/Dockerfile").read_text()
    assert f"{schema['userId']['default']}:{schema['userId']['default']}" == stage["USER"]
    assert list(schema["secretFiles"]["default"]) == ["password-hash"]
    assert '"/etc/app-secrets/password-hash"' in CONFIG.read_text()
