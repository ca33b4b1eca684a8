"""Runs other programs and reports clearly what went wrong."""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class SandboxError(Exception):
    """An error that a person can act on: the message says what failed and, if known, how to fix it."""


class CommandError(SandboxError):
    """A program failed. `output` is what it printed, standard error first."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        self.command, self.code, self.output = list(command), code, output
        tail = "\n".join(output.strip().splitlines()[-15:]) or "(it printed nothing)"
        super().__init__(f"`{shlex.join(self.command)}` ended with status {code}:\n{tail}")


def privileged(command: Sequence[str | Path]) -> list[str]:
    """Return the command as run by root. Only containers, loop devices and mounts need root."""
    words = [str(word) for word in command]
    return words if os.geteuid() == 0 else ["sudo", "-n", *words]


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | bytes | None = None,
    check: bool = True,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program and capture its output. `timeout` in seconds; `env` is added to the environment of this process.

    Raises CommandError if `check` is set and the status is not 0, and SandboxError if the program is missing or too slow.
    """
    words = [str(word) for word in command]
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        done = subprocess.run(
            words,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
    except FileNotFoundError as error:
        raise SandboxError(f"`{words[0]}` is not installed; `make local` installs it (sandbox/bootstrap)") from error
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"`{shlex.join(words)}` did not end within {timeout:.0f} s") from error
    result = subprocess.CompletedProcess(
        words, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )
    if check and result.returncode:
        raise CommandError(words, result.returncode, result.stderr + result.stdout)
    return result


def run_logged(command: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None = None) -> None:
    """Run a long step and write its output to the file `log`. Raises CommandError with the last lines of the log."""
    words = [str(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        try:
            code = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            ).returncode
        except FileNotFoundError as error:
            raise SandboxError(
                f"`{words[0]}` is not installed; `make local` installs it (sandbox/bootstrap)"
            ) from error
    if code:
        raise CommandError(words, code, f"{log.read_text(errors='replace')[-4000:]}\n(the whole log: {log})")


def as_owner(path: Path) -> None:
    """If this runs as root, give the file the owner of its folder: containers write files that the user replaces."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def wait_for(condition: Callable[[], bool], what: str, seconds: float, interval: float = 0.1) -> None:
    """Poll until the condition is true. Raises SandboxError with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SandboxError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(interval)


@contextmanager
def alone(lock: Path, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold the file `lock`, which is created, as the only process. Calls `waiting` if another process holds it.

    The kernel releases the lock of a process that dies.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def write_if_changed(path: Path, content: str | bytes, mode: int = 0o644) -> bool:
    """Replace the file atomically; return True if its content changed."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as sink:
        sink.write(data)
    temporary.chmod(mode)
    temporary.rename(path)
    return True
