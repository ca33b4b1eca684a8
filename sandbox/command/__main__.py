"""`python -m sandbox.command <engine address>`: what the launcher pulumi-resource-command of the sandbox executes."""

from __future__ import annotations

import sys

from sandbox.command.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:])
