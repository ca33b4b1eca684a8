"""Runs the programs of a container. If one ends, all end, and podman restarts the container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

# Less than podman waits; the API server would take longer for a graceful shutdown.
STOP_SECONDS = 5


class Supervisor:
    """The programs of this container. Their output goes to <log>/<name>.log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._programs: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self._over = threading.Event()
        log.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def start(
        self, name: str, command: Sequence[str | Path], env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program for the lifetime of the container."""
        with (self._log / f"{name}.log").open("ab") as sink:
            process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=env
            )
        self._programs[process.pid] = (name, process)
        return process

    def thread(self, name: str, action: Callable[[], None]) -> None:
        """Run `action` in a thread; the container ends with it."""

        def body() -> None:
            try:
                action()
            except Exception as error:
                print(f"{name}: {error!r}", file=sys.stderr, flush=True)
            self._over.set()

        threading.Thread(target=body, daemon=True, name=name).start()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for the condition. Ends the container after `seconds`, or if a program ends."""
        end = time.monotonic() + seconds
        while not condition():
            if self._over.is_set() or self._ended() or time.monotonic() > end:
                self.finish(1)
            time.sleep(0.05)

    def wait(self) -> None:
        """Wait until a program ends or the container is stopped, then end all programs."""
        while not self._over.wait(0.2):
            if ended := self._ended():
                print(f"{ended} ended", file=sys.stderr, flush=True)
                self.finish(1)
        self.finish(0)

    def finish(self, code: int) -> None:
        """End all programs and this one."""
        for _, process in reversed(self._programs.values()):
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for _, process in self._programs.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        sys.stdout.flush()
        os._exit(code)

    def _ended(self) -> str:
        return next((name for name, process in self._programs.values() if process.poll() is not None), "")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._over.set()
