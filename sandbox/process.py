"""Runs other programs and says well what went wrong."""

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
    """Something a person can act on: the message says what failed and, where known, what to do."""


class CommandError(SandboxError):
    """A program ended with an error. `output` is what it printed, standard error first."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        self.command, self.code, self.output = list(command), code, output
        tail = "\n".join(output.strip().splitlines()[-15:]) or "(it printed nothing)"
        super().__init__(f"`{shlex.join(self.command)}` ended with status {code}:\n{tail}")


def privileged(command: Sequence[str | Path]) -> list[str]:
    """The command as root runs it: containers, loop devices and mounts need root, nothing else of the sandbox does."""
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
    """Run to the end and capture. `timeout` in seconds; `env` is added to this process's environment.

    Raises CommandError where `check` is set and the status is not 0, and SandboxError when the program is missing or takes too long.
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
    """Run a long step with everything it prints going to the file `log`. Raises CommandError with the log's last lines."""
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
    """Give a file to who has its folder, where this runs as root: a container writes what the person's own processes read and replace."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def wait_for(condition: Callable[[], bool], what: str, seconds: float, interval: float = 0.1) -> None:
    """Ask until it is true. Raises SandboxError naming `what` when it is not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SandboxError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(interval)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Be the only process that holds the file `lock`, which is made with its folder. The kernel takes it from a process that dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def write_if_changed(path: Path, content: str | bytes, mode: int = 0o644) -> bool:
    """Write by rename, so that nobody reads half a file; True when the content was another one."""
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
