"""What a person adds to a build without touching its Dockerfile, and what a fresh builder takes over from the registry."""

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

# Of no dependencies, and pure Python.
EXTRA, FETCHED = "idna==3.10", "sniffio==1.3.1"
# Has wheels of amd64, and none of arm64, whatever the Python.
AMD64_ONLY = "tcmlib==1.4.0"


@pytest.fixture(scope="module")
def stack(sandbox: None, overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The second app's image and its registry, which are up."""
    folder = tmp_path_factory.mktemp("e2e-inputs")
    shutil.copytree(ROOT / "docker" / "pypiserver", folder / "app")
    configuration = {**documented("pypiserver"), "context": str(folder / "app")}
    with image_stack("e2e-inputs", folder, overlay, **configuration) as inputs:
        inputs.up()
        yield inputs


def having(package: str, stack: Stack) -> set[str]:
    """The platforms whose image has this package."""
    return {platform for platform, found in packages(stack.output("image")).items() if package in found}


def lock(*requirements: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What `make lock FILE=…` does, of a file with these requirements."""
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
    """All of it: a package index that did not answer is told there."""
    return f"ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"


def test_further_packages_are_locked_and_in_the_image_of_each_platform(stack: Stack) -> None:
    assert having(EXTRA, stack) == set()
    done = lock(EXTRA, folder=stack.folder)
    assert done.returncode == 0, printed(done)
    stack.configure(extraRequirements=str(stack.folder / "extra.txt"))
    assert set(stack.up()) == {"pypiserver-arm64", "pypiserver-amd64", "pypiserver-index"}
    assert having(EXTRA, stack) == {"linux/arm64", "linux/amd64"}
    assert stack.up() == {}
    stack.configure(extraRequirements=None)
    stack.up()
    assert having(EXTRA, stack) == set()


def test_a_package_without_a_wheel_for_a_platform_is_not_locked_and_named_with_the_platform(stack: Stack) -> None:
    done = lock(AMD64_ONLY, folder=stack.folder)
    assert done.returncode == 1, printed(done)
    assert "error: " in done.stderr, printed(done)
    assert AMD64_ONLY in done.stderr, printed(done)
    assert "linux/arm64" in done.stderr, printed(done)
    assert not (stack.folder / "extra.txt").exists()


def test_a_lock_of_other_making_with_such_a_package_ends_the_build_with_its_name_and_the_platform(stack: Stack) -> None:
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


# --- behind a proxy that inspects TLS --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate authority of a proxy: ca.pem, ca-key.pem, and a key for the hosts it plays, host-key.pem."""
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
    """The URL of a proxy which the steps of a build reach, and are told to use by Docker's client configuration."""
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


def test_a_build_behind_a_proxy_that_inspects_tls_trusts_it_by_a_certificate_that_is_not_in_the_image(
    stack: Stack, authority: Path, registry: Callable[[str], Get]
) -> None:
    # Another package, so that the builder has to fetch.
    done = lock(FETCHED, folder=stack.folder)
    assert done.returncode == 0, printed(done)
    stack.configure(extraRequirements=str(stack.folder / "extra.txt"))
    with inspecting_proxy(authority):
        with pytest.raises(PulumiError) as caught:
            stack.up()
        output = str(caught.value)
        assert "its certificate is not trusted there" in output, output
        assert "pulumi config set caBundleFile <file>" in [line.strip() for line in output.splitlines()], output
        certificate = (authority / "ca.pem").read_text()
        stack.configure(caBundleFile=str(authority / "ca.pem"))
        stack.up()
        log = (authority / "log").read_text()
    assert "pypi" in log or "simple" in log, log[-2000:]
    assert having(FETCHED, stack) == {"linux/arm64", "linux/amd64"}
    reference = stack.output("image")
    body = "".join(certificate.splitlines()[1:-1])
    assert find_secret(image(reference, registry(reference.partition("@")[0])), Needles(line=body[64:128])) == []
    # Another certificate is no reason to build again.
    stack.configure(caBundleFile=str(CA_BUNDLE))
    assert stack.preview() == {}


# --- a fresh builder -------------------------------------------------------------------------------------------------------------------


def test_a_builder_that_never_built_the_image_builds_only_what_changed(stack: Stack) -> None:
    stack.configure(extraRequirements=None, caBundleFile=None)
    serve = stack.folder / "app" / "serve.py"
    # As two runs of CI, each on a machine of its own.
    for run in ("first", "second"):
        serve.write_text(f"{serve.read_text()}\n# {secrets.token_hex()}\n")
        with builders.running(builders.Builder(run)):
            stack.configure(builder=run)
            before = len(stack.log)
            assert set(stack.up()) == {"pypiserver-arm64", "pypiserver-amd64", "pypiserver-index"}
        stack.configure(builder=paths.BUILDER)
    lines = stack.log[before:].splitlines()
    assert any("importing cache manifest" in line for line in lines)
    # The packages were neither resolved nor installed; the app's own files were laid out.
    assert any("install_files.py" in line for line in lines)
    installed = [line for line in lines if "Installed " in line and " packages in " in line]
    assert installed == [], "\n".join(lines)
