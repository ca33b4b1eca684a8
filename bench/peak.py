"""Run a command and append its peak memory in MB to a file: `python bench/peak.py FILE COMMAND …`."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

INTERVAL_SECONDS = 0.05


def tree_memory_mb(root: int) -> float:
    """Resident memory of a process and its descendants in MB. A page that several of them share counts for each."""
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
    tree: set[int] = set()
    found = {root}
    while found:
        tree |= found
        found = {pid for pid, parent in parents.items() if parent in tree} - tree
    return sum(resident.get(pid, 0) for pid in tree) / 1024


def main(file: str, *command: str) -> int:
    """Return the exit status of the command."""
    process = subprocess.Popen(command)
    peak, ended = 0.0, threading.Event()

    def sample() -> None:
        nonlocal peak
        while not ended.wait(INTERVAL_SECONDS):
            peak = max(peak, tree_memory_mb(process.pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    status = process.wait()
    ended.set()
    sampler.join()
    with Path(file).open("a") as sink:
        print(peak, file=sink)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
