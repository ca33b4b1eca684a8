"""Time and memory of whole commands, measured from outside."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """seconds: wall clock; peak_mb: largest sum of resident memory of the command and all it started, sampled 20 times a second."""

    seconds: float
    peak_mb: float


def run(command: Sequence[str], cwd: Path) -> Run:
    """Run a command to its end. Raises CalledProcessError with its output when it fails: a failed run is no measurement."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with peak_memory(process.pid) as peaks:
        output, _ = process.communicate()
        seconds = time.monotonic() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Run(seconds, max(peaks))


@contextmanager
def peak_memory(root: int, interval: float = 0.05) -> Iterator[list[float]]:
    """Largest `tree_memory_mb` of a process while in it, read every `interval` seconds; the list has it after the end."""
    peaks = [0.0]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(interval):
            peaks[0] = max(peaks[0], tree_memory_mb(root))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peaks
    finally:
        ended.set()
        sampler.join()


def tree_memory_mb(root: int) -> float:
    """Resident memory of a process and all below it, in MB; shared pages count for each who maps them."""
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        parents[int(folder.name)] = int(fields["PPid"])
        resident[int(folder.name)] = int(fields.get("VmRSS", "0 kB").split()[0])
    tree = {root}
    size = 0
    while len(tree) != size:
        size = len(tree)
        tree |= {pid for pid, parent in parents.items() if parent in tree}
    return sum(resident.get(pid, 0) for pid in tree) / 1024


def side_by_side(commands: dict[str, Callable[[], Run]], runs: int) -> dict[str, list[Run]]:
    """Run the commands in turn, A B C A B C …, after one round that is not counted, so that all meet the same machine."""
    results: dict[str, list[Run]] = {name: [] for name in commands}
    for round_number in range(runs + 1):
        for name, command in commands.items():
            result = command()
            if round_number:
                results[name].append(result)
            print(f"  round {round_number}: {name}: {result.seconds:.2f} s", flush=True)
    return results


def table(results: dict[str, list[Run]], base: str) -> str:
    """Median and range of each, with the ratio of its median to that of `base`, as Markdown."""
    reference = statistics.median(run.seconds for run in results[base])
    lines = ["| | median s | min-max s | ratio | peak MB |", "|---|---|---|---|---|"]
    for name, measured in results.items():
        seconds = sorted(run.seconds for run in measured)
        median = statistics.median(seconds)
        peak = max(run.peak_mb for run in measured)
        lines.append(
            f"| {name} | {median:.2f} | {seconds[0]:.2f}-{seconds[-1]:.2f} | {median / reference:.2f} | {peak:.0f} |"
        )
    return "\n".join(lines)
