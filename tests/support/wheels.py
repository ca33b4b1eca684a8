"""Wheels for apps without access to a package index: downloaded into an index of the tests, or created here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from sandbox import base_image, paths


def download(folder: Path, *requirements: str) -> None:
    """Download their wheels without dependencies into `folder`, in the layout of an index."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--python-version", base_image.python_version()]
    for requirement in requirements:
        target = folder / requirement.partition("=")[0]
        subprocess.run([*command, "--dest", str(target), requirement], check=True)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve an index to the sandbox's machines and containers. Yields the options for pip and uv."""
    server = ThreadingHTTPServer((paths.GATEWAY, 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"--index-url http://{paths.GATEWAY}:{server.server_port}/ --trusted-host {paths.GATEWAY}"
    finally:
        server.shutdown()


def make(folder: Path, name: str, version: str, code: str = "") -> None:
    """Create a wheel with one module."""
    information = f"{name}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", code)
        wheel.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")
