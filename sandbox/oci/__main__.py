"""`python -m sandbox.oci <engine address>`: what the launcher pulumi-resource-oci of the sandbox executes."""

from __future__ import annotations

import sys

from sandbox.oci.server import main

if __name__ == "__main__":
    main(sys.argv[1:])
