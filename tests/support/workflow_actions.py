"""Fakes of the actions that the workflows use. Any other action or input is an error."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.toolchain import tools
from tests.support.github_server import GitHub


@dataclass(frozen=True)
class Scene:
    """Where an action runs. source: the repository; ref: checked out by default; artifacts: a folder for each run; run: id of this run;
    token: of the job.
    """

    source: Path
    ref: str
    workspace: Path
    artifacts: Path
    run: str
    token: str
    github: GitHub


class UnknownActionError(AssertionError):
    """There is no fake of this action."""


def use(reference: str, given: Mapping[str, str], scene: Scene) -> None:
    """Run an action, named as in `uses:`."""
    name, _, commit = reference.partition("@")
    if name not in ACTIONS or not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise UnknownActionError(f"nothing stands in for {reference}")
    action, inputs = ACTIONS[name]
    if unknown := set(given) - inputs:
        raise UnknownActionError(f"{name}: nothing is known of its inputs {', '.join(sorted(unknown))}")
    action(given, scene)


def _checkout(given: Mapping[str, str], scene: Scene) -> None:
    assert given.get("persist-credentials") == "false", "the token would stay in the checkout"

    def git(*args: str) -> None:
        subprocess.run(["git", *args], cwd=scene.workspace, check=True, capture_output=True)

    git("init", "--quiet")
    depth = given.get("fetch-depth", "1")
    git("fetch", "--quiet", "--no-tags", f"--depth={depth}", f"file://{scene.source}", scene.ref)
    git("checkout", "--quiet", "--detach", "FETCH_HEAD")


def _upload(given: Mapping[str, str], scene: Scene) -> None:
    file = scene.workspace / given["path"]
    missing = given.get("if-no-files-found", "warn")
    if not file.is_file():
        assert missing == "warn", f"{given['path']} is not there"
        return
    folder = scene.artifacts / scene.run / given["name"]
    assert not folder.exists(), f"there is an artifact {given['name']} already"
    folder.mkdir(parents=True)
    shutil.copy(file, folder)


def _download(given: Mapping[str, str], scene: Scene) -> None:
    run = given.get("run-id", scene.run)
    if run != scene.run:
        assert scene.github.allows(given.get("github-token", ""), "actions", "read"), (
            "another run's artifacts need a token"
        )
    if "name" in given:
        found = [scene.artifacts / run / given["name"]]
        if not found[0].is_dir():
            raise subprocess.CalledProcessError(1, f"there is no artifact {given['name']}")
    else:
        assert given.get("merge-multiple") == "true", "each artifact would have a folder of its own"
        everything = sorted((scene.artifacts / run).glob("*"))
        found = [folder for folder in everything if fnmatch.fnmatch(folder.name, given["pattern"])]
    for folder in found:
        shutil.copytree(folder, scene.workspace / given.get("path", "."), dirs_exist_ok=True, symlinks=True)


def _install_pulumi(given: Mapping[str, str], scene: Scene) -> None:
    """The engine is already on PATH. Without a `command` the action does nothing else."""
    assert given["pulumi-version"] == tools.PULUMI_VERSION, "CI has another engine than the sandbox"


def _set_up_builder(given: Mapping[str, str], scene: Scene) -> None:
    """These tests build no image."""


ACTIONS: dict[str, tuple[Callable[[Mapping[str, str], Scene], None], set[str]]] = {
    "actions/checkout": (_checkout, {"persist-credentials", "fetch-depth"}),
    "actions/upload-artifact": (_upload, {"name", "path", "if-no-files-found", "retention-days"}),
    "actions/download-artifact": (
        _download,
        {"name", "pattern", "merge-multiple", "path", "run-id", "github-token"},
    ),
    "pulumi/actions": (_install_pulumi, {"pulumi-version"}),
    "docker/setup-buildx-action": (_set_up_builder, set()),
}
