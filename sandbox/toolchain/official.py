"""Takes official binaries where their makers answer: releases of Pulumi, BuildKit and Kubernetes, and `pulumi plugin install`."""

from __future__ import annotations

import functools
import http.client
import platform
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from sandbox.process import SandboxError, run
from sandbox.toolchain import tools
from sandbox.toolchain.tools import Tool

# The release that the Python SDK in requirements.txt belongs to.
PULUMI_RELEASE = "3.272.0"

PULUMI_SITE = "https://get.pulumi.com"
KUBERNETES_SITE = "https://dl.k8s.io"
BUILDKIT_SITE = "https://github.com/moby/buildkit/releases/download"
BUILDX_SITE = "https://github.com/docker/buildx/releases/download"

# Long enough for a slow line's first answer, short enough not to be noticed where nothing answers.
REACHABLE_SECONDS = 3
READ_SECONDS = 60


def take(home: Path, wanted: Iterable[Tool], say: Callable[[str], None]) -> None:
    """Download, put in place and stamp what of `wanted` is to be had; say why where it is not, and leave it to the next way."""
    for tool in wanted:
        if not reachable():
            return
        try:
            _take(home, tool, say)
        except (OSError, http.client.HTTPException, tarfile.TarError, SandboxError) as error:
            say(f"{tool.name} could not be had from its makers ({str(error).strip().splitlines()[-1]})")
        else:
            tools.stamp(home, tool, "official release")


@functools.cache
def reachable() -> bool:
    """Whether Pulumi's site answers at all; an error status is an answer."""
    try:
        urllib.request.urlopen(PULUMI_SITE, timeout=REACHABLE_SECONDS).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def pulumi_url(machine: str) -> str:
    """Where the release for a machine (`uname -m`) lies; it is what the official installer fetches. Linux only, as the sandbox."""
    return f"{PULUMI_SITE}/releases/sdk/pulumi-v{PULUMI_RELEASE}-linux-{_word(machine, amd64='x64')}.tar.gz"


def buildkit_url(machine: str) -> str:
    """Where the release for a machine (`uname -m`) lies."""
    version = tools.BUILDKIT_VERSION
    return f"{BUILDKIT_SITE}/v{version}/buildkit-v{version}.linux-{_word(machine, amd64='amd64')}.tar.gz"


def buildx_url(machine: str) -> str:
    """Where the release for a machine (`uname -m`) lies."""
    version = tools.BUILDX_VERSION
    return f"{BUILDX_SITE}/v{version}/buildx-v{version}.linux-{_word(machine, amd64='amd64')}"


def kubernetes_url(machine: str, program: str) -> str:
    """Where a program of Kubernetes for a machine (`uname -m`) lies."""
    return f"{KUBERNETES_SITE}/v{tools.KUBERNETES_VERSION}/bin/linux/{_word(machine, amd64='amd64')}/{program}"


def _word(machine: str, amd64: str) -> str:
    words = {"x86_64": amd64, "aarch64": "arm64"}
    if machine not in words:
        raise SandboxError(f"there is no release for {machine}, only for {' and '.join(words)}")
    return words[machine]


def _take(home: Path, tool: Tool, say: Callable[[str], None]) -> None:
    if tool.plugin is not None:
        name, version = tool.plugin
        say(f"{tool.name}: pulumi plugin install resource {name} v{version}")
        install = ["plugin", "install", "resource", name, f"v{version}", "--reinstall"]
        run([home / "bin" / "pulumi", *install], env={"PULUMI_HOME": str(home / "pulumi")}, timeout=600)
    elif tool == tools.PULUMI:
        # All of the release, since it brings the helpers for policy packs too.
        _unpack(pulumi_url(platform.machine()), ["pulumi/pulumi*"], home / "bin", say)
    elif tool == tools.BUILDX:
        [target] = tool.paths(home)
        _download(buildx_url(platform.machine()), target, say)
    elif tool == tools.KUBERNETES:
        for path in tool.paths(home):
            _download(kubernetes_url(platform.machine(), path.name), path, say)
    else:
        _unpack(buildkit_url(platform.machine()), list(tool.files), home / "bin", say)
    for path in tool.paths(home):
        if not path.exists():
            raise SandboxError(f"the release holds no {path.name}")


def _unpack(url: str, patterns: Sequence[str], folder: Path, say: Callable[[str], None]) -> None:
    """Put the files of an archive whose path matches one of the patterns into one flat folder, each whole or not at all."""
    say(f"downloading {url}")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
        archive = Path(scratch) / "archive"
        _fetch(url, archive)
        with tarfile.open(archive) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                content = tar.extractfile(member) if member.isfile() and any(map(path.match, patterns)) else None
                if content is None:
                    continue
                temporary = Path(scratch) / path.name
                with content, temporary.open("wb") as sink:
                    shutil.copyfileobj(content, sink, 1 << 20)
                tools.place(temporary, folder / path.name)


def _download(url: str, target: Path, say: Callable[[str], None]) -> None:
    """Put one program in its place, whole or not at all."""
    say(f"downloading {url}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as scratch:
        temporary = Path(scratch) / target.name
        _fetch(url, temporary)
        tools.place(temporary, target)


def _fetch(url: str, target: Path) -> None:
    # The addresses are those above, all https.
    with urllib.request.urlopen(url, timeout=READ_SECONDS) as answer, target.open("wb") as sink:  # noqa: S310
        shutil.copyfileobj(answer, sink, 1 << 20)
