"""Compare commands: hyperfine measures their time, peak.py their memory."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PULUMI = str(ROOT / "sandbox" / "pulumi")


def pulumi(*words: str) -> str:
    """The output of a command of the sandbox's Pulumi."""
    return subprocess.run([PULUMI, *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


@dataclass(frozen=True)
class Command:
    """words: program and arguments, run in the project's folder. prepare: command that hyperfine runs before each run, untimed."""

    words: Sequence[str]
    prepare: Sequence[str] = ("true",)


def compare(
    commands: Mapping[str, Command], runs: int, *, warmup: int = 1, memory: bool = True, show_output: bool = False
) -> str:
    """Run each command `runs` times and return a table in Markdown. The first command is the base of the ratios.

    memory: also measure the peak memory. show_output: of the commands, instead of a progress bar. Raises SystemExit if hyperfine is missing
    or a command fails.
    """
    if not shutil.which("hyperfine"):
        raise SystemExit("hyperfine measures the times. Install it:\n    sudo apt-get install hyperfine")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        options = ["--shell=none", f"--warmup={warmup}", f"--runs={runs}", f"--export-json={folder / 'times.json'}"]
        options += ["--show-output"] if show_output else []
        for number, (title, command) in enumerate(commands.items()):
            recorder = [sys.executable, str(ROOT / "bench" / "peak.py"), str(folder / f"peak-{number}")]
            words = [*(recorder if memory else []), *command.words]
            options += ["--prepare", shlex.join(command.prepare), "--command-name", title, shlex.join(words)]
        print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
        if subprocess.run(["hyperfine", *options], cwd=ROOT).returncode:
            raise SystemExit("The last command above failed.")
        results = json.loads((folder / "times.json").read_text())["results"]
        peaks = [
            max(map(float, (folder / f"peak-{number}").read_text().split()))
            for number in range(len(commands) if memory else 0)
        ]
    return table(results, peaks)


def table(results: Sequence[Mapping[str, Any]], peaks: Sequence[float]) -> str:
    """Markdown of hyperfine's results and, if measured, of the peaks in MB."""
    lines = [
        f"| | median s | min-max s | ratio |{' peak MB |' if peaks else ''}",
        f"|---|---|---|---|{'---|' if peaks else ''}",
    ]
    for number, one in enumerate(results):
        ratio = one["median"] / results[0]["median"]
        peak = f" {peaks[number]:.0f} |" if peaks else ""
        times = f"{one['median']:.2f} | {one['min']:.2f}-{one['max']:.2f} | {ratio:.2f}"
        lines.append(f"| {one['command']} | {times} |{peak}")
    return "\n".join(lines)


def runs_given(default: int) -> int:
    """The number of runs on the command line."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else default
