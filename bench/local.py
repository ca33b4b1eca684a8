"""`make local` of a fresh clone, cold and warm: `make bench-local`. No other sandbox may be up on this machine.

    python -m bench.local

Cold means: nothing built, no cache of Go's, pip's or uv's; the Debian packages are there already (their installation takes under half a
minute). Each step's own seconds are what the sandbox itself measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.measure import Run, run, table

ROOT = Path(__file__).parents[1]


def steps(clone: Path) -> str:
    """The sandbox's own times of its last `up`, longest first."""
    recorded = json.loads((clone / ".sandbox" / "log" / "timings.json").read_text())["steps"]
    slow = sorted((step for step in recorded if step["seconds"] >= 0.5), key=lambda step: -step["seconds"])
    return ", ".join(f"{step['step']} {step['seconds']:.0f} s" for step in slow) or "nothing above half a second"


def main() -> None:
    """Print the table and where the time went."""
    if subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True).stdout.count("10.189.0.1/"):
        raise SystemExit("a sandbox is up on this machine: `make local-down` there first")
    results: dict[str, list[Run]] = {}
    went: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-local-") as name:
        clone = Path(name) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for variable in ("GOCACHE", "GOMODCACHE", "UV_CACHE_DIR", "PIP_CACHE_DIR"):
            os.environ[variable] = f"{name}/{variable.lower()}"
        os.environ.pop("SANDBOX_HOME", None)
        # Else nothing in the module cache could be deleted afterwards.
        os.environ["GOFLAGS"] = "-modcacherw"
        try:
            for title in ("cold", "again, all there", "after make local-down"):
                if title.startswith("after"):
                    run(["make", "local-down"], clone)
                print(f"{time.strftime('%H:%M:%S')} make local, {title}", flush=True)
                results[f"make local, {title}"] = [run(["make", "local"], clone)]
                went.append(f"- {title}: {steps(clone)}; the rest is `pulumi up` and the check through the tunnel")
        finally:
            subprocess.run(["make", "clean"], cwd=clone, check=False)
    print(f"\n{table(results, 'make local, cold')}\n\n" + "\n".join(went))


if __name__ == "__main__":
    main()
