"""`python -m sandbox.command <engine address>`: the program behind the sandbox's pulumi-resource-command."""

from __future__ import annotations

import sys

from sandbox.command.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:])
