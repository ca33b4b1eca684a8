"""The metadata service of a node, 169.254.169.254. Tests check that pods cannot reach it.

source: OCI documentation, "Getting Instance Metadata": version 2 answers only with the header `Authorization: Bearer Oracle`.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox import paths
from sandbox.kubernetes.api import Json
from sandbox.process import run

ADDRESS = "169.254.169.254"


def add_address() -> None:
    """Add the service's address to the node."""
    run(["ip", "address", "replace", f"{ADDRESS}/32", "dev", "lo"])


def listen(spec: Json) -> ThreadingHTTPServer:
    """Return the server, not yet running. spec: the node's NodeSpec."""
    content = {
        "id": spec["id"],
        "compartmentId": paths.TENANCY_OCID,
        "region": paths.REGION,
        "canonicalRegionName": paths.REGION,
        "shape": spec["shape"],
        "availabilityDomain": spec["zone"],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path.rstrip("/") == "/opc/v2/instance"
            allowed = self.headers.get("Authorization") == "Bearer Oracle"
            data = json.dumps(content).encode() if known and allowed else b""
            self.send_response(200 if data else 404 if allowed else 401)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    return ThreadingHTTPServer((ADDRESS, 80), Handler)
