"""Which block volume is behind a claim: asked of a small Kubernetes API."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.bound_volume import bound_volume
from sandbox import tls

CLAIM = "/api/v1/namespaces/app-oke/persistentvolumeclaims/app-data"
VOLUME = "/api/v1/persistentvolumes/named-by-nobody-in-particular"
BOUND = {"volumeName": VOLUME.rpartition("/")[2]}
BLOCK = {"csi": {"driver": "blockvolume.csi.oraclecloud.com", "volumeHandle": "ocid1.volume.one"}}
FILES = {"csi": {"driver": "fss.csi.oraclecloud.com", "volumeHandle": "ocid1.filesystem.one:10.0.0.1:/files"}}


class Api(BaseHTTPRequestHandler):
    """Answers with `specs`, by their paths, those who have the token."""

    specs: dict[str, Any]

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Bearer of-mine" and self.path in self.specs
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"spec": self.specs.get(self.path)}).encode())

    def log_message(self, *words: Any) -> None:
        """Says nothing."""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[str]:
    """Of an API that is there."""
    tls.ensure(tmp_path, "127.0.0.1", ipaddress.IPv4Network("127.0.0.0/8"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server-key.pem")
    server = HTTPServer(("127.0.0.1", 0), Api)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority = base64.b64encode((tmp_path / "ca.pem").read_bytes()).decode()
    cluster = {"server": f"https://127.0.0.1:{server.server_port}", "certificate-authority-data": authority}
    login = {"command": "echo", "args": [json.dumps({"status": {"token": "of-mine"}})]}
    yield json.dumps({"clusters": [{"cluster": cluster}], "users": [{"user": {"exec": login}}]})
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ({CLAIM: BOUND, VOLUME: BLOCK}, "ocid1.volume.one"),
        ({CLAIM: BOUND, VOLUME: FILES}, ""),
        ({CLAIM: {}}, ""),
        ({}, ""),
    ],
)
def test_the_volume_of_a_claim_is_the_one_that_the_cluster_has_bound_to_it(
    kubeconfig: str, specs: dict[str, Any], expected: str
) -> None:
    Api.specs = specs
    assert bound_volume(kubeconfig, "app-oke", "app-data") == expected


def test_the_volume_of_a_claim_is_left_out_while_the_api_is_out_of_reach(kubeconfig: str) -> None:
    away = json.loads(kubeconfig)
    away["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    assert bound_volume(json.dumps(away), "app-oke", "app-data") == ""
