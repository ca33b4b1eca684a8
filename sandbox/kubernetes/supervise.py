"""Runs the programs of a container beside each other: when one ends, all end, and podman starts the container anew."""

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

# Below what podman waits for; the API server would take longer to say goodbye to everybody.
STOP_SECONDS = 5


class Supervisor:
    """The programs of this container. Each one's output goes to <log>/<name>.log."""

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
        """Start a program that is to run as long as the container."""
        with (self._log / f"{name}.log").open("ab") as sink:
            process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=env
            )
        self._programs[process.pid] = (name, process)
        return process

    def thread(self, name: str, action: Callable[[], None]) -> None:
        """Run `action` for the container's life; its end, by an error too, is the container's."""

        def body() -> None:
            try:
                action()
            except Exception as error:
                print(f"{name}: {error!r}", file=sys.stderr, flush=True)
            self._over.set()

        threading.Thread(target=body, daemon=True, name=name).start()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait, but not past the end. Exits when it is not true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if self._over.is_set() or self._ended() or time.monotonic() > end:
                self.finish(1)
            time.sleep(0.05)

    def wait(self) -> None:
        """Wait for the end of any of them, or for being stopped; then end all."""
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
