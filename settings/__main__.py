"""Write what is made from the sections: python -m settings, as `make docs` runs it. `--check` only compares, as `make lint` runs it."""

from __future__ import annotations

import sys
from pathlib import Path

from settings import docs

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Return the exit status: 1 if `--check` finds a file that differs."""
    written = docs.files((ROOT / "Pulumi.yaml").read_text())
    stale = [
        path for path, content in written.items() if not (ROOT / path).exists() or (ROOT / path).read_text() != content
    ]
    if "--check" in sys.argv:
        for path in stale:
            print(f"error: {path} is not what settings/ describes; write it with: make docs", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        (ROOT / path).write_text(written[path])
        print(f"  wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
