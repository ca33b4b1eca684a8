"""Benchmarks: the memory they report, and the table."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import measure, peak


def test_peak_memory_includes_child_processes(tmp_path: Path) -> None:
    child = f"{sys.executable} -c 'import time; x = bytearray(100 * 2**20); time.sleep(1)'"
    assert peak.main(str(tmp_path / "peak"), "/bin/sh", "-c", f"{child}; exit 3") == 3
    assert 100 < float((tmp_path / "peak").read_text()) < 200


def test_table_shows_the_ratio_to_the_first_command() -> None:
    results = [
        {"command": name, "median": time, "min": time - 1, "max": time + 1} for name, time in (("a", 2), ("b", 3))
    ]
    assert measure.table(results, [100, 200]).splitlines()[2:] == [
        "| a | 2.00 | 1.00-3.00 | 1.00 | 100 |",
        "| b | 3.00 | 2.00-4.00 | 1.50 | 200 |",
    ]
