"""Downloads official binaries: releases of Pulumi, BuildKit and Kubernetes, and plugins with `pulumi plugin install`."""

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

# The release of the Python SDK in requirements.txt.
PULUMI_RELEASE = "3.272.0"

PULUMI_SITE = "https://get.pulumi.com"
KUBERNETES_SITE = "https://dl.k8s.io"
BUILDKIT_SITE = "https://github.com/moby/buildkit/releases/download"

# Enough for a slow connection, and short if nothing answers.
REACHABLE_SECONDS = 3
READ_SECONDS = 60


def take(home: Path, wanted: Iterable[Tool], say: Callable[[str], None]) -> None:
    """Download and install the available tools of `wanted`; print why a tool is not available."""
    for tool in wanted:
        if not reachable():
            return
        try:
            _take(home, tool, say)
        except (OSError, http.client.HTTPException, tarfile.TarError, SandboxError) as error:
            say(f"could not download {tool.name} ({str(error).strip().splitlines()[-1]})")
        else:
            tools.stamp(home, tool, "official release")


@functools.cache
def reachable() -> bool:
    """Return whether Pulumi's site answers; an error status is an answer."""
    try:
        urllib.request.urlopen(PULUMI_SITE, timeout=REACHABLE_SECONDS).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def pulumi_url(machine: str) -> str:
    """Return the URL of the release for a machine (`uname -m`), as the official installer downloads it."""
    return f"{PULUMI_SITE}/releases/sdk/pulumi-v{PULUMI_RELEASE}-linux-{_word(machine, amd64='x64')}.tar.gz"


def buildkit_url(machine: str) -> str:
    """Return the URL of the release for a machine (`uname -m`)."""
    version = tools.BUILDKIT_VERSION
    return f"{BUILDKIT_SITE}/v{version}/buildkit-v{version}.linux-{_word(machine, amd64='amd64')}.tar.gz"


def kubernetes_url(machine: str, program: str) -> str:
    """Return the URL of a program of Kubernetes for a machine (`uname -m`)."""
    return f"{KUBERNETES_SITE}/v{tools.KUBERNETES_VERSION}/bin/linux/{_word(machine, amd64='amd64')}/{program}"


def _word(machine: str, amd64: str) -> str:
    words = {"x86_64": amd64, "aarch64": "arm64"}
    if machine not in words:
        raise SandboxError(f"{machine} has no release, only {' and '.join(words)} have one")
    return words[machine]


def _take(home: Path, tool: Tool, say: Callable[[str], None]) -> None:
    if tool.plugin is not None:
        name, version = tool.plugin
        say(f"{tool.name}: pulumi plugin install resource {name} v{version}")
        install = ["plugin", "install", "resource", name, f"v{version}", "--reinstall"]
        run([home / "bin" / "pulumi", *install], env={"PULUMI_HOME": str(home / "pulumi")}, timeout=600)
    elif tool == tools.PULUMI:
        # The whole release, because it contains the helpers for policy packs.
        _unpack(pulumi_url(platform.machine()), ["pulumi/pulumi*"], home / "bin", say)
    elif tool == tools.KUBERNETES:
        for path in tool.paths(home):
            _download(kubernetes_url(platform.machine(), path.name), path, say)
    else:
        _unpack(buildkit_url(platform.machine()), list(tool.files), home / "bin", say)
    for path in tool.paths(home):
        if not path.exists():
            raise SandboxError(f"the release does not contain {path.name}")


def _unpack(url: str, patterns: Sequence[str], folder: Path, say: Callable[[str], None]) -> None:
    """Extract the files that match a pattern into one flat folder, each atomically."""
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
    """Download one program atomically."""
    say(f"downloading {url}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as scratch:
        temporary = Path(scratch) / target.name
        _fetch(url, temporary)
        tools.place(temporary, target)


def _fetch(url: str, target: Path) -> None:
    # All callers use the https addresses above.
    with urllib.request.urlopen(url, timeout=READ_SECONDS) as answer, target.open("wb") as sink:  # noqa: S310
        shutil.copyfileobj(answer, sink, 1 << 20)
