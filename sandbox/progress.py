"""Shows the steps of a run, how long they take, and what is still running."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from sandbox.process import SandboxError, privileged, run

# A shorter step that changed nothing prints no line.
QUIET_SECONDS = 1.0
REMINDER_SECONDS = 20


class Progress:
    """The steps of one run. Thread-safe: steps may run in parallel."""

    def __init__(self, title: str) -> None:
        self._title, self._began = title, time.monotonic()
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._steps: dict[str, float] = {}

    def say(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            print(f"  {line}", flush=True)

    def step(self, name: str, action: Callable[[], object]) -> None:
        """Run one step. `action` returns True if it changed something."""
        began = time.monotonic()
        with self._lock:
            self._running[name] = began
        try:
            changed = action() is True
        finally:
            seconds = time.monotonic() - began
            with self._lock:
                del self._running[name]
        self._steps[name] = seconds
        if changed or seconds > QUIET_SECONDS:
            self.say(f"{name}: {'done' if changed else 'ready'} ({duration(seconds)})")

    @contextmanager
    def reminders(self) -> Iterator[None]:
        """Print the running steps every REMINDER_SECONDS."""
        over = threading.Event()

        def remind() -> None:
            while not over.wait(REMINDER_SECONDS):
                with self._lock:
                    names = [f"{name} ({duration(time.monotonic() - began)})" for name, began in self._running.items()]
                if names:
                    self.say(f"… {', '.join(names)}")
                # sudo(8): each use restarts its timeout, so sudo does not ask for the password in the middle.
                run(privileged(["true"]), check=False)

        thread = threading.Thread(target=remind, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()

    def finish(self) -> None:
        """Print the duration and the three slowest steps."""
        slow = sorted(self._steps.items(), key=lambda step: -step[1])[:3]
        spent = ", ".join(f"{name} {duration(seconds)}" for name, seconds in slow)
        self.say(f"{self._title}: ready after {duration(time.monotonic() - self._began)} ({spent})")


def together(*actions: Callable[[], None]) -> None:
    """Run the actions in parallel to their end, then raise one SandboxError with all errors."""
    with ThreadPoolExecutor(max_workers=len(actions)) as pool:
        running: list[Future[None]] = [pool.submit(action) for action in actions]
    errors = [error for future in running if (error := future.exception())]
    for error in errors:
        if not isinstance(error, SandboxError):
            raise error
    if errors:
        raise SandboxError("\n\n".join(str(error) for error in errors))


def duration(seconds: float) -> str:
    """Format as "3.2 s" or "4 min 10 s"."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def report_error(error: Exception) -> int:
    """Print an error and return the exit status."""
    print(f"\nerror: {error}", file=sys.stderr)
    return 1
