"""Time and memory of `make local` in a fresh clone: `python -m bench.local`. No other sandbox may run on this machine.

"Cold" means without any build and without the caches of Go, pip and uv. The Debian packages are already installed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile

from bench.measure import ROOT, Command, compare
from sandbox import paths


def main() -> None:
    """Print the table."""
    used = subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True, check=True).stdout
    if f" {paths.GATEWAY}/" in used:
        raise SystemExit("A sandbox is running on this machine. Stop it first:\n    make local-down")
    with tempfile.TemporaryDirectory(prefix="bench-local-") as folder:
        clone = f"{folder}/clone"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        for variable in ("GOCACHE", "GOMODCACHE", "UV_CACHE_DIR", "PIP_CACHE_DIR"):
            os.environ[variable] = f"{folder}/{variable.lower()}"
        os.environ.pop("SANDBOX_HOME", None)
        # By default Go's module cache is read-only and could not be deleted afterwards.
        os.environ["GOFLAGS"] = "-modcacherw"
        make = ("make", "--directory", clone)
        try:
            measured = compare(
                {
                    "make local, cold": Command([*make, "local"]),
                    "make local, again": Command([*make, "local"]),
                    "make local, after make local-down": Command([*make, "local"], prepare=[*make, "local-down"]),
                },
                runs=1,
                warmup=0,
                show_output=True,
            )
        finally:
            subprocess.run([*make, "clean"], check=False)
    print(f"\n{measured}")


if __name__ == "__main__":
    main()
