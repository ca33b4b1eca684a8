"""`python -m sandbox.kubernetes_provider <engine address>`: what the launcher pulumi-resource-kubernetes of the sandbox executes."""

from __future__ import annotations

import sys

from sandbox.kubernetes_provider.server import serve

if __name__ == "__main__":
    serve(sys.argv[1:])
