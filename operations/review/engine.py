"""Runs Pulumi: its output and exit code are passed through, its errors and its event log are read."""

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
"""Exit code of `--expect-no-changes` where there are some (source: pulumi 3.259, pkg/cmd/pulumi/cmd/exit_codes.go)."""


@dataclass(frozen=True)
class Run:
    """How it ended. code: the engine's; printed: its errors; violates_plan: it met something which its plan does not have."""

    code: int
    events: Events
    printed: str
    violates_plan: bool = False


class EngineError(Exception):
    """Pulumi could not do what it was asked for; the message is what it printed."""


def run(pulumi: str, stack: str, command: Sequence[str], *, withhold: bool = False) -> Run:
    """Run `pulumi command… --stack stack`. Raises EngineError where there is no such program.

    withhold: show nothing more once the engine begins to tell what violates its plan.
    """
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        log = Path(folder) / "events.jsonl"
        try:
            process = subprocess.Popen(
                [*shlex.split(pulumi), *command, "--stack", stack, "--event-log", str(log)],
                # Without it the CLI has no --event-log.
                env={**os.environ, "PULUMI_DEBUG_COMMANDS": "true"},
                stdout=subprocess.PIPE if withhold else None,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError:
            raise EngineError(no_program(pulumi)) from None
        out, errors = _Passed(sys.stdout, withhold), _Passed(sys.stderr, withhold)
        threads = [
            threading.Thread(target=passed.copy, args=[stream])
            for passed, stream in ((out, process.stdout), (errors, process.stderr))
            if stream
        ]
        for thread in threads:
            thread.start()
        code = _wait(process)
        for thread in threads:
            thread.join()
        return Run(code, read(log), errors.text, out.withheld or errors.withheld)


def output(pulumi: str, stack: str, command: Sequence[str]) -> str:
    """What `pulumi command… --stack stack` prints. Raises EngineError."""
    try:
        done = subprocess.run(
            [*shlex.split(pulumi), *command, "--stack", stack], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise EngineError(no_program(pulumi)) from None
    if done.returncode:
        raise EngineError(done.stderr.strip() or f"`pulumi {' '.join(command)}` ended with {done.returncode}")
    return done.stdout


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal sent it to Pulumi as well, which ends in its own time: what is under way is finished first.
            continue


class _Passed:
    """Copies a stream of the engine's to one of ours as it comes, half a line (a question) too, and remembers it."""

    def __init__(self, to: IO[str], withhold: bool) -> None:
        self._to = to
        self._withhold = withhold
        self.text = ""
        self.withheld = False

    def copy(self, stream: IO[bytes]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        waiting = ""
        while chunk := os.read(stream.fileno(), 65536):
            waiting = self._pass(waiting + decoder.decode(chunk))
        if not self.withheld:
            self._show(waiting)

    def _pass(self, text: str) -> str:
        """Show what may be shown; the rest, which may be the beginning of the words."""
        if not self._withhold:
            self._show(text)
            return ""
        before, words, _ = text.partition(WITHHELD)
        begun = next((size for size in range(len(WITHHELD) - 1, 0, -1) if before.endswith(WITHHELD[:size])), 0)
        kept = 0 if words else begun
        if not self.withheld:
            self._show(before[: len(before) - kept])
        self.withheld = self.withheld or bool(words)
        return before[len(before) - kept :]

    def _show(self, text: str) -> None:
        self.text += text
        self._to.write(text)
        self._to.flush()
