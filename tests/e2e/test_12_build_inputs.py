"""Inputs of a build beside the Dockerfile, and the build cache in the registry."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import builders, paths
from sandbox.distribution import CA_BUNDLE
from sandbox.process import wait_for
from tests.support.apps import documented
from tests.support.image_stack import image_stack
from tests.support.ports import free_port
from tests.support.published import Get, packages
from tests.support.secret_search import Needles, find_secret, image
from tests.support.stack import ROOT, PulumiError, Stack

# Pure Python, without dependencies.
EXTRA, FETCHED = "idna==3.10", "sniffio==1.3.1"
# A package with wheels for amd64 only.
AMD64_ONLY = "tcmlib==1.4.0"


@pytest.fixture(scope="module")
def stack(sandbox: None, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployed stack with registry and image of the second app."""
    folder = tmp_path_factory.mktemp("e2e-inputs")
    shutil.copytree(ROOT / "docker" / "pypiserver", folder / "app")
    configuration = {**documented("pypiserver"), "context": str(folder / "app")}
    with image_stack("e2e-inputs", folder, overlay, **configuration) as inputs:
        inputs.up()
        yield inputs


def platforms_with(package: str, stack: Stack) -> set[str]:
    """Return the platforms of the image that have this package."""
    return {platform for platform, found in packages(stack.output("image")).items() if package in found}


def lock(*requirements: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `make lock FILE=…` on a file with these requirements."""
    (folder / "extra.in").write_text("\n".join(requirements) + "\n")
    command: list[str | Path] = [
        sys.executable,
        ROOT / "docker" / "lock.py",
        "--app",
        "pypiserver",
        folder / "extra.in",
    ]
    return subprocess.run(command, capture_output=True, text=True)


def printed(done: subprocess.CompletedProcess[str]) -> str:
    """Return the whole output, which names, for example, an unreachable package index."""
    return f"ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"


def test_extra_packages_are_locked_and_installed_on_each_platform(stack: Stack) -> None:
    assert platforms_with(EXTRA, stack) == set()
    done = lock(EXTRA, folder=stack.folder)
    assert done.returncode == 0, printed(done)
    stack.configure(extraRequirements=str(stack.folder / "extra.txt"))
    assert set(stack.up()) == {"pypiserver-arm64", "pypiserver-amd64", "pypiserver-index"}
    assert platforms_with(EXTRA, stack) == {"linux/arm64", "linux/amd64"}
    assert stack.up() == {}
    stack.configure(extraRequirements=None)
    stack.up()
    assert platforms_with(EXTRA, stack) == set()


def test_lock_names_a_package_without_a_wheel_and_its_platform(stack: Stack) -> None:
    done = lock(AMD64_ONLY, folder=stack.folder)
    assert done.returncode == 1, printed(done)
    assert "error: " in done.stderr, printed(done)
    assert AMD64_ONLY in done.stderr, printed(done)
    assert "linux/arm64" in done.stderr, printed(done)
    assert not (stack.folder / "extra.txt").exists()


def test_build_names_a_package_without_a_wheel_and_its_platform(stack: Stack) -> None:
    uv: list[str | Path] = [
        Path(sys.executable).with_name("uv"),
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--universal",
        "-",
    ]
    locked = subprocess.run(uv, input=AMD64_ONLY, capture_output=True, text=True)
    assert locked.returncode == 0, printed(locked)
    (stack.folder / "foreign.txt").write_text(locked.stdout)
    stack.configure(extraRequirements=str(stack.folder / "foreign.txt"))
    with pytest.raises(PulumiError) as caught:
        stack.up()
    stack.configure(extraRequirements=None)
    output = str(caught.value)
    assert f"{AMD64_ONLY} has no wheels with a matching platform tag" in output, output
    assert "error: the packages cannot be installed for linux/arm64" in output, output
    assert "context: a locked package of" in output.partition("\nDiagnostics:\n")[2], output
    stack.up()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a proxy's certificate authority (ca.pem, ca-key.pem) and its key for all hosts (host-key.pem)."""
    folder = tmp_path_factory.mktemp("authority")
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=Inspecting proxy",
            ),
            *("-keyout", folder / "ca-key.pem", "-out", folder / "ca.pem"),
        ],
        check=True,
        capture_output=True,
    )
    subprocess.run(["openssl", "genrsa", "-out", folder / "host-key.pem", "2048"], check=True, capture_output=True)
    return folder


@contextmanager
def inspecting_proxy(authority: Path) -> Iterator[str]:
    """Run a proxy, configure it for builds in Docker's client configuration, and yield its URL."""
    port = free_port(paths.GATEWAY)
    url = f"http://{paths.GATEWAY}:{port}"
    configuration = paths.DOCKER_CONFIG / "config.json"
    before = configuration.read_text()
    command: list[str | Path] = [
        Path(sys.executable).with_name("proxy"),
        "--hostname",
        paths.GATEWAY,
        "--port",
        str(port),
    ]
    command += ["--num-workers", "1", "--data-dir", authority / "data", "--ca-file", CA_BUNDLE]
    command += ["--ca-cert-file", authority / "ca.pem", "--ca-key-file", authority / "ca-key.pem"]
    command += ["--ca-signing-key-file", authority / "host-key.pem"]
    with (authority / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as proxy:
        try:
            wait_for(lambda: socket.socket().connect_ex((paths.GATEWAY, port)) == 0, "the proxy", 20)
            proxies = {"httpProxy": url, "httpsProxy": url, "noProxy": paths.REGISTRY_ADDRESS}
            configuration.write_text(json.dumps({"proxies": {"default": proxies}}))
            yield url
        finally:
            configuration.write_text(before)
            proxy.terminate()


def test_build_trusts_a_tls_proxy_and_leaves_no_certificate_in_the_image(
    stack: Stack, authority: Path, registry: Callable[[str], Get]
) -> None:
    # A new package, so the builder has to download it.
    done = lock(FETCHED, folder=stack.folder)
    assert done.returncode == 0, printed(done)
    stack.configure(extraRequirements=str(stack.folder / "extra.txt"))
    with inspecting_proxy(authority):
        with pytest.raises(PulumiError) as caught:
            stack.up()
        output = str(caught.value)
        assert "does not trust its certificate" in output, output
        assert "pulumi config set caBundleFile <file>" in [line.strip() for line in output.splitlines()], output
        certificate = (authority / "ca.pem").read_text()
        stack.configure(caBundleFile=str(authority / "ca.pem"))
        stack.up()
        log = (authority / "log").read_text()
    assert "pypi" in log or "simple" in log, log[-2000:]
    assert platforms_with(FETCHED, stack) == {"linux/arm64", "linux/amd64"}
    reference = stack.output("image")
    body = "".join(certificate.splitlines()[1:-1])
    assert find_secret(image(reference, registry(reference.partition("@")[0])), Needles(line=body[64:128])) == []
    # A changed certificate does not cause a new build.
    stack.configure(caBundleFile=str(CA_BUNDLE))
    assert stack.preview() == {}


def test_new_builder_builds_only_what_changed(stack: Stack) -> None:
    stack.configure(extraRequirements=None, caBundleFile=None)
    serve = stack.folder / "app" / "serve.py"
    # Like two CI runs on different machines.
    for run in ("first", "second"):
        serve.write_text(f"{serve.read_text()}\n# {secrets.token_hex()}\n")
        with builders.running(builders.Builder(run)):
            stack.configure(builder=run)
            before = len(stack.log)
            assert set(stack.up()) == {"pypiserver-arm64", "pypiserver-amd64", "pypiserver-index"}
        stack.configure(builder=paths.BUILDER)
    lines = stack.log[before:].splitlines()
    assert any("importing cache manifest" in line for line in lines)
    # The build installed the app's files and no packages.
    assert any("install_files.py" in line for line in lines)
    installed = [line for line in lines if "Installed " in line and " packages in " in line]
    assert installed == [], "\n".join(lines)
