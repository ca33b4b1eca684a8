"""The stack's own tunnel: open for a person (`make tunnel`), and whether the app answers through it (the end of `make local`)."""

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
    """The stack's outputs. Raises SandboxError when those needed here are not there."""
    command: list[str | Path] = [paths.ROOT / "sandbox" / "pulumi", "stack", "output", "--json", "--stack", stack]
    found: dict[str, str] = json.loads(run(command, cwd=paths.ROOT).stdout)
    if missing := [name for name in ("url", "tunnel", "health") if name not in found]:
        raise SandboxError(f"stack {stack} has no output {', '.join(missing)}: is it up? `make up STACK={stack}`")
    return found


def check(stack: str, say: Callable[[str], None]) -> None:
    """Open the stack's tunnel, wait for the app's health check, close it, and say how to get there.

    Raises SandboxError with what ssh or kubectl said when there is no answer within SECONDS, and when the tunnel's port is taken.
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
                # One that breaks, say because the machine is booting, is opened anew.
                time.sleep(SECONDS_BETWEEN_TUNNELS)
        if not healthy:
            # Each of them says the same, as a rule.
            said = "\n".join([*dict.fromkeys(log.read_text(errors="replace").strip().splitlines())][-15:])
            raise SandboxError(
                f"{found['health']} did not answer within {SECONDS} s. The tunnel said: {said or '(nothing)'}"
            )
    say(f"the app answered through its tunnel after {time.monotonic() - began:.1f} s\n")
    of = "" if stack == "local" else f" STACK={stack}"
    # That of a cluster is long, and finds its kubectl and its account in the sandbox's environment only.
    command = "" if "kubeconfig" in found else f"     that is: {found['tunnel']}"
    say(f"address    {found['url']}\n  tunnel     make tunnel{of}{command}\n  password   make password{of}")


def hold_tunnel(stack: str, say: Callable[[str], None]) -> None:
    """Become the stack's tunnel. Only in the sandbox's environment are its own kubectl and the account's API key found."""
    found = outputs(stack)
    require_free_port(stack, found["url"])
    command = found["tunnel"]
    say(command)
    os.chdir(paths.ROOT)
    os.execvpe("sh", ["sh", "-c", command], environment(os.environ))  # noqa: S606


def require_free_port(stack: str, url: str) -> None:
    """Raises SandboxError when another program has the address of the tunnel's end: what answers there is not this stack's app."""
    port = urlsplit(url).port or 80
    with socket.socket() as probe:
        # As ssh does; what is left of a connection that has ended keeps nobody from listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SandboxError(
                f"127.0.0.1:{port} is taken ({error.strerror}): by another tunnel, of this stack or of one with the same `port`? End it, "
                f"or give stack {stack} a port of its own:\n"
                f'    make pulumi ARGS="config set port {port + 1} --stack {stack}" && make up STACK={stack}'
            ) from None


def answers(url: str) -> bool:
    """Does a GET give 200? The environment's proxies are not for the loopback interface."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _tunnel(command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the tunnel through a shell, as a person would; what it prints goes to the end of the file `log`."""
    with log.open("ab") as sink:
        # A session of its own, to be ended with the shell and whatever the shell starts.
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
