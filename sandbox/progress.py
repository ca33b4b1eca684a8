"""Tells a person what is being done, how long it took, and that it is still going on."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from sandbox import paths
from sandbox.process import SandboxError, privileged, run, write_if_changed

# Below this a step that had nothing to do is not worth a line.
QUIET_SECONDS = 1.0
REMINDER_SECONDS = 20


class Progress:
    """The steps of one run. Thread-safe: steps may run beside each other."""

    def __init__(self, title: str) -> None:
        self._title, self._began = title, time.monotonic()
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._steps: list[dict[str, object]] = []

    def say(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            print(f"  {line}", flush=True)

    def step(self, name: str, action: Callable[[], object]) -> None:
        """Do one step. `action` gives True where it changed something, False where all was there."""
        began = time.monotonic()
        with self._lock:
            self._running[name] = began
        try:
            changed = action() is True
        finally:
            seconds = time.monotonic() - began
            with self._lock:
                del self._running[name]
        self._steps.append({"step": name, "seconds": round(seconds, 2), "changed": changed})
        if changed or seconds > QUIET_SECONDS:
            self.say(f"{name}: {'done' if changed else 'ready'} ({duration(seconds)})")

    @contextmanager
    def reminders(self) -> Iterator[None]:
        """While in it, say every now and then what is still running."""
        over = threading.Event()

        def remind() -> None:
            while not over.wait(REMINDER_SECONDS):
                with self._lock:
                    names = [f"{name} ({duration(time.monotonic() - began)})" for name, began in self._running.items()]
                if names:
                    self.say(f"… {', '.join(names)}")
                # So that sudo does not ask again in the middle (sudo(8): the time starts anew with each use).
                run(privileged(["true"]), check=False)

        thread = threading.Thread(target=remind, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()

    def finish(self) -> None:
        """Say what it took, and leave it in log/timings.json: {"title", "seconds", "steps": [{"step", "seconds", "changed"}]}."""
        seconds = time.monotonic() - self._began
        record = {"title": self._title, "seconds": round(seconds, 2), "steps": self._steps}
        write_if_changed(paths.LOG / "timings.json", json.dumps(record, indent=2) + "\n")
        slow = sorted(self._steps, key=lambda step: -float(str(step["seconds"])))[:3]
        spent = ", ".join(f"{step['step']} {step['seconds']} s" for step in slow)
        self.say(f"{self._title}: ready after {duration(seconds)} ({spent})")


def together(*actions: Callable[[], None]) -> None:
    """Run beside each other, to the end of all; then raise what went wrong, all of it in one SandboxError."""
    with ThreadPoolExecutor(max_workers=len(actions)) as pool:
        running: list[Future[None]] = [pool.submit(action) for action in actions]
    errors = [error for future in running if (error := future.exception())]
    for error in errors:
        if not isinstance(error, SandboxError):
            raise error
    if errors:
        raise SandboxError("\n\n".join(str(error) for error in errors))


def duration(seconds: float) -> str:
    """Such as "3.2 s" or "4 min 10 s"."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def report_error(error: Exception) -> int:
    """Print an error that a person can act on; gives the exit status."""
    print(f"\nerror: {error}", file=sys.stderr)
    return 1
