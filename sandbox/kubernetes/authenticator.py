"""The API server's webhook for tokens: it accepts tokens that the account's API key signed.

source of the protocol: Kubernetes documentation, "Webhook Token Authentication" (TokenReview). Only the API server, in the same container,
can reach it.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.kubernetes import cluster_token

PORT = 8443


def webhook_configuration() -> str:
    """Return the address of the webhook, as a kubeconfig."""
    cluster = {"server": f"http://127.0.0.1:{PORT}/authenticate"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "authenticator", "cluster": cluster}],
        "contexts": [{"name": "webhook", "context": {"cluster": "authenticator", "user": ""}}],
        "current-context": "webhook",
    }
    return json.dumps(content)


def review(request: dict[str, Any], cluster: str, key: rsa.RSAPublicKey) -> dict[str, Any]:
    """Answer a TokenReview."""
    try:
        user = cluster_token.user(str(request["spec"]["token"]), cluster, key)
        status: dict[str, Any] = {"authenticated": True, "user": {"username": user, "uid": user, "groups": []}}
    except cluster_token.TokenError as error:
        status = {"authenticated": False, "error": f"the token is not accepted: {error}"}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}


def listen(public_key: Path, cluster: str) -> ThreadingHTTPServer:
    """Return the server, not yet running."""
    loaded = serialization.load_pem_public_key(public_key.read_bytes())
    if not isinstance(loaded, rsa.RSAPublicKey):
        raise TypeError(f"{public_key} is not an RSA key")
    key = loaded

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = review(body, cluster, key)
            if not answer["status"]["authenticated"]:
                print(answer["status"]["error"], file=sys.stderr, flush=True)
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: requests contain tokens."""

    return ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
