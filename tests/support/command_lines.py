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
from tests.support.record_command_lines import LOST

RECORDER = Path(__file__).with_name("record_command_lines.py")


class CommandLines:
    """A recording, to be used as a context."""

    def __enter__(self) -> CommandLines:
        self._file = tempfile.TemporaryFile()
        self._process = subprocess.Popen(privileged([sys.executable, RECORDER]), stdout=self._file)
        marker = f"recording-{os.getpid()}-{time.monotonic_ns()}"
        deadline = time.monotonic() + 60
        try:
            # It records once it records this.
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
        """The distinct command lines up to now, words apart by NUL; not all of them where some were lost (`all_seen`). Raises
        AssertionError when the recorder has ended.
        """
        return self._lines() - {LOST}

    @property
    def all_seen(self) -> frozenset[bytes]:
        """As `seen`. Raises AssertionError too where some were lost: what is not among these may have been there."""
        lines = self._lines()
        assert LOST not in lines, "more was started at once than the kernel could tell of (ENOBUFS): not all was seen"
        return lines

    def _lines(self) -> frozenset[bytes]:
        assert self._process.poll() is None, "the recorder of command lines has ended"
        return frozenset(self._read().split(b"\0\0"))

    def _read(self) -> bytes:
        return os.pread(self._file.fileno(), 1 << 30, 0)
