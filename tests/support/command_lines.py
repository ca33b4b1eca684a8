"""The command lines of all processes on this host, including those in containers, which share its kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from sandbox.process import privileged
from tests.support.record_command_lines import LOST

RECORDER = Path(__file__).with_name("record_command_lines.py")


class CommandLines:
    """A recording. Use it as a context manager."""

    def __enter__(self) -> CommandLines:
        self._file = tempfile.TemporaryFile()
        self._process = subprocess.Popen(privileged([sys.executable, RECORDER]), stdout=self._file)
        marker = f"recording-{os.getpid()}-{time.monotonic_ns()}"
        deadline = time.monotonic() + 60
        try:
            # The recording has begun once it contains this line.
            while marker.encode() not in self._read():
                assert self._process.poll() is None, "the recorder of command lines has ended"
                assert time.monotonic() < deadline, "the recorder of command lines records nothing"
                subprocess.run(["true", marker], check=True)
                time.sleep(0.05)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        subprocess.run(privileged(["kill", str(self._process.pid)]), check=False)
        self._process.wait()

    @property
    def seen(self) -> frozenset[bytes]:
        """The distinct command lines until now, with NUL between words. Some may be missing (`all_seen`). Raises AssertionError if the
        recorder has ended.
        """
        return self._lines() - {LOST}

    @property
    def all_seen(self) -> frozenset[bytes]:
        """Like `seen`. Also raises AssertionError if the kernel dropped events, so that lines may be missing."""
        lines = self._lines()
        assert LOST not in lines, "the kernel dropped events (ENOBUFS): some command lines are missing"
        return lines

    def _lines(self) -> frozenset[bytes]:
        assert self._process.poll() is None, "the recorder of command lines has ended"
        return frozenset(self._read().split(b"\0\0"))

    def _read(self) -> bytes:
        return os.pread(self._file.fileno(), 1 << 30, 0)
