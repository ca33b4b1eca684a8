"""The tunnel of a stack: `make tunnel` opens it, and `make check` tests the app through it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sandbox import paths
from sandbox.environment import environment
from sandbox.process import SandboxError, run

SECONDS = 180
SECONDS_BETWEEN_TUNNELS = 0.5


def outputs(stack: str) -> dict[str, str]:
    """Return the outputs of the stack. Raises SandboxError if a needed output is missing."""
    command: list[str | Path] = [paths.ROOT / "sandbox" / "pulumi", "stack", "output", "--json", "--stack", stack]
    found: dict[str, str] = json.loads(run(command, cwd=paths.ROOT).stdout)
    if missing := [name for name in ("url", "tunnel", "health") if name not in found]:
        raise SandboxError(f"stack {stack} has no output {', '.join(missing)}; deploy it with `make up STACK={stack}`")
    return found


def check(stack: str, say: Callable[[str], None]) -> None:
    """Open the stack's tunnel, wait for the health check of the app, close it, and print how to reach the app.

    Raises SandboxError with the output of ssh or kubectl if the app does not answer within SECONDS, or if the port is taken.
    """
    found = outputs(stack)
    require_free_port(stack, found["url"])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        log, healthy = Path(folder) / "tunnel", False
        while not healthy and time.monotonic() < began + SECONDS:
            with _tunnel(found["tunnel"], log) as process:
                while process.poll() is None and time.monotonic() < began + SECONDS and not healthy:
                    time.sleep(0.2)
                    healthy = answers(found["health"])
            if not healthy:
                # A tunnel breaks, for example, while the machine boots.
                time.sleep(SECONDS_BETWEEN_TUNNELS)
        if not healthy:
            # Most tunnels print the same lines.
            printed = "\n".join([*dict.fromkeys(log.read_text(errors="replace").strip().splitlines())][-15:])
            raise SandboxError(
                f"{found['health']} did not answer within {SECONDS} s. The tunnel printed: {printed or '(nothing)'}"
            )
    say(f"the app answered through its tunnel after {time.monotonic() - began:.1f} s\n")
    of = "" if stack == "local" else f" STACK={stack}"
    say(f"address    {found['url']}\n  tunnel     make tunnel{of}\n  password   make password{of}")


def hold_tunnel(stack: str, say: Callable[[str], None]) -> None:
    """Replace this process by the tunnel, in the sandbox's environment, which has kubectl and the API key."""
    found = outputs(stack)
    require_free_port(stack, found["url"])
    command = found["tunnel"]
    say(command)
    os.chdir(paths.ROOT)
    os.execvpe("sh", ["sh", "-c", command], environment(os.environ))  # noqa: S606


def require_free_port(stack: str, url: str) -> None:
    """Raise SandboxError if another program listens on the local port of the tunnel."""
    port = urlsplit(url).port or 80
    with socket.socket() as probe:
        # Like ssh: a closed connection in TIME_WAIT does not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SandboxError(
                f"127.0.0.1:{port} is taken ({error.strerror}), probably by another tunnel. Close that tunnel, "
                f"or give stack {stack} another port:\n"
                f'    make pulumi ARGS="config set port {port + 1} --stack {stack}" && make up STACK={stack}'
            ) from None


def answers(url: str) -> bool:
    """Return whether a GET gives status 200, without the proxies of the environment."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _tunnel(command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the tunnel in a shell; its output is appended to `log`."""
    with log.open("ab") as sink:
        # A new session, so that killpg ends the shell and its children.
        process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=paths.ROOT,
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
