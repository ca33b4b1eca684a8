"""The instance of a stack and its app, reached through the stack's outputs."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from sandbox.environment import environment
from tests.support.stack import ROOT, Stack


def on_machine(stack: Stack, script: str, check: bool = True) -> str:
    """Run a shell script on the instance through the stack's output `ssh` and return its output.

    Raises AssertionError with all output if it fails and `check` is True.
    """
    command = f"{stack.output('ssh')} {shlex.quote(script)}"
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, f"{script}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def fetch(stack: Stack, script: str) -> bytes:
    """Like `on_machine`, for binary output."""
    command = f"{stack.output('ssh')} {shlex.quote(script)}"
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    assert done.returncode == 0, f"{script}\nended with {done.returncode}:\n{done.stderr.decode(errors='replace')}"
    return done.stdout


def in_container(stack: Stack, code: str, check: bool = True) -> str:
    """Run Python code in the app's container and return its output."""
    app = stack.output("dataFolder").rpartition("/")[2]
    return on_machine(stack, f"sudo podman exec {app} python -c {shlex.quote(code)}", check)


def container_id(stack: Stack) -> str:
    """The id of the app's container, which changes with every start. "" if there is no container or no machine."""
    app = stack.output("dataFolder").rpartition("/")[2]
    return on_machine(stack, f"sudo podman ps --no-trunc --quiet --filter name=^{app}$", check=False).strip()


@contextmanager
def tunnel(stack: Stack, seconds: float = 60) -> Iterator[str]:
    """Open the stack's own tunnel and yield its `url` once `health` answers with 200.

    Opens a broken tunnel again. Raises AssertionError after `seconds`.
    """
    deadline = time.monotonic() + seconds
    process = _open(stack)
    try:
        while not answers(stack.output("health")):
            assert time.monotonic() < deadline, f"{stack.output('health')} did not answer within {seconds:.0f} s"
            if process.poll() is not None:
                process = _open(stack)
            time.sleep(0.3)
        yield stack.output("url")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _open(stack: Stack) -> subprocess.Popen[bytes]:
    # In a shell in the project's folder, with a process group of its own, which ends with the shell.
    log = (stack.folder / "tunnel.log").open("ab")
    return subprocess.Popen(
        ["sh", "-c", stack.output("tunnel")],
        cwd=ROOT,
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def answers(url: str) -> bool:
    """Whether a GET returns 200."""
    with session() as http:
        try:
            return http.get(url, timeout=5).status_code == 200
        except requests.RequestException:
            return False


def answers_soon(url: str, seconds: float = 20) -> bool:
    """Whether a GET returns 200 within this time. Nodes learn about a new pod a moment after the engine."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers(url):
            return True
        time.sleep(0.5)
    return False


def session() -> requests.Session:
    """A session without the proxies and certificates of the environment, for requests to this host and the sandbox."""
    http = requests.Session()
    http.trust_env = False
    return http
