"""The command lines of all processes of this host, those in machines and containers too: they share its kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from sandbox.process import privileged

RECORDER = Path(__file__).with_name("record_command_lines.py")


class CommandLines:
    """A recording, to be used as a context."""

    def __enter__(self) -> CommandLines:
        self._file = tempfile.TemporaryFile()
        self._process = subprocess.Popen(privileged([sys.executable, RECORDER]), stdout=self._file)
        marker = f"recording-{os.getpid()}-{time.monotonic_ns()}"
        # It records once it records this.
        while marker.encode() not in self._read():
            assert self._process.poll() is None, "the recorder of command lines has ended"
            subprocess.run(["true", marker], check=True)
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(privileged(["kill", str(self._process.pid)]), check=False)
        self._process.wait()

    @property
    def seen(self) -> frozenset[bytes]:
        """The distinct command lines up to now, words apart by NUL. Raises AssertionError when the recorder has ended."""
        assert self._process.poll() is None, "the recorder of command lines has ended"
        return frozenset(self._read().split(b"\0\0"))

    def _read(self) -> bytes:
        return os.pread(self._file.fileno(), 1 << 30, 0)
