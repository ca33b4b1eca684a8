"""Runs Pulumi, passes its output on, and reads its errors and its event log."""

from __future__ import annotations

import codecs
import os
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from operations.review.events import WITHHELD, Events, read
from operations.review.remedy import no_program

DRIFT_OR_CHANGES = 7
"""Exit code of `--expect-no-changes` if there are changes (source: pulumi 3.259, pkg/cmd/pulumi/cmd/exit_codes.go)."""


@dataclass(frozen=True)
class Run:
    """The end of a run. code: the exit code; printed: the errors; violates_plan: the run differs from its plan."""

    code: int
    events: Events
    printed: str
    violates_plan: bool = False


class EngineError(Exception):
    """Pulumi failed; the message is what it printed."""


def run(pulumi: str, stack: str, command: Sequence[str], *, withhold: bool = False) -> Run:
    """Run `pulumi command… --stack stack`. Raises EngineError if there is no such program.

    withhold: show nothing after the engine begins to print what violates its plan.
    """
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        log = Path(folder) / "events.jsonl"
        try:
            process = subprocess.Popen(
                [*shlex.split(pulumi), *command, "--stack", stack, "--event-log", str(log)],
                # The CLI has --event-log only with this.
                env={**os.environ, "PULUMI_DEBUG_COMMANDS": "true"},
                stdout=subprocess.PIPE if withhold else None,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise EngineError(no_program(pulumi)) from None
        out, errors = _Copy(sys.stdout, withhold), _Copy(sys.stderr, withhold)
        threads = [
            threading.Thread(target=copy.read, args=[stream])
            for copy, stream in ((out, process.stdout), (errors, process.stderr))
            if stream
        ]
        for thread in threads:
            thread.start()
        code = _wait(process)
        for thread in threads:
            thread.join()
        return Run(code, read(log), errors.text, out.withheld or errors.withheld)


def output(pulumi: str, stack: str, command: Sequence[str]) -> str:
    """Return what `pulumi command… --stack stack` prints. Raises EngineError."""
    try:
        done = subprocess.run(
            [*shlex.split(pulumi), *command, "--stack", stack], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise EngineError(no_program(pulumi)) from None
    if done.returncode:
        error = (
            done.stderr.strip() or done.stdout.strip() or f"`pulumi {' '.join(command)}` ended with {done.returncode}"
        )
        raise EngineError(error.removeprefix("error: "))
    return done.stdout


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal sent it to Pulumi as well, which first finishes the steps under way.
            continue


class _Copy:
    """Copies a stream of the engine to one of ours at once, also half a line (a question), and keeps the text."""

    def __init__(self, to: IO[str], withhold: bool) -> None:
        self._to = to
        self._withhold = withhold
        self.text = ""
        self.withheld = False

    def read(self, stream: IO[bytes]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        waiting = ""
        while chunk := os.read(stream.fileno(), 65536):
            waiting = self._pass(waiting + decoder.decode(chunk))
        if not self.withheld:
            self._show(waiting)

    def _pass(self, text: str) -> str:
        """Show the text and return the end of it that may be the beginning of WITHHELD."""
        if not self._withhold:
            self._show(text)
            return ""
        before, words, _ = text.partition(WITHHELD)
        begun = next((size for size in range(len(WITHHELD) - 1, 0, -1) if before.endswith(WITHHELD[:size])), 0)
        shown = len(before) - (0 if words else begun)
        if not self.withheld:
            self._show(before[:shown])
        self.withheld = self.withheld or bool(words)
        return before[shown:]

    def _show(self, text: str) -> None:
        self.text += text
        self._to.write(text)
        self._to.flush()
