"""`python -m sandbox.toolchain`: get the programs that the sandbox runs. See the package's own description."""

from __future__ import annotations

import functools
import sys

from sandbox import paths, toolchain
from sandbox.process import SandboxError


def main() -> int:
    """The exit status: 0 when everything is in place, 1 with the reason on standard error, 130 when interrupted."""
    try:
        toolchain.ensure(paths.HOME, functools.partial(print, flush=True))
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run it again and it goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
