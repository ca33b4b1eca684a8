"""A small Kubernetes client on plain JSON for the sandbox's controllers.

The official client would take a second and 60 MB in every container.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import ssl
import tempfile
import threading
import urllib.parse
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Json = dict[str, Any]
SECONDS = 15


class ApiError(Exception):
    """An error of the API server. status: of HTTP; reason: such as "NotFound"."""

    def __init__(self, status: int, answer: Json) -> None:
        super().__init__(str(answer.get("message") or answer))
        self.status, self.reason = status, str(answer.get("reason", ""))


class Api:
    """A client for the API server of a kubeconfig with a client certificate. Thread-safe: each thread has its own connection.

    Raises ApiError for errors of the server, OSError and http.client.HTTPException if it does not answer.
    """

    def __init__(self, kubeconfig: Path) -> None:
        content = json.loads(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        parts = urllib.parse.urlsplit(cluster["server"])
        self._host, self._port = str(parts.hostname), parts.port or 443
        self._context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        with tempfile.TemporaryDirectory() as folder:
            # The ssl module reads client certificates from files only.
            file = Path(folder) / "client.pem"
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
                sink.write(base64.b64decode(user["client-key-data"]))
                sink.write(base64.b64decode(user["client-certificate-data"]))
            self._context.load_cert_chain(file)
        self._local = threading.local()

    def get(self, path: str) -> Json:
        """Return an object."""
        return self._call("GET", path)

    def items(self, path: str) -> list[Json]:
        """Return the objects of a list."""
        return list(self._call("GET", path).get("items") or [])

    def create(self, path: str, body: Json) -> Json:
        """Create an object in the collection `path`."""
        return self._call("POST", path, body)

    def ensure(self, path: str, body: Json) -> None:
        """Create an object unless it exists."""
        try:
            self.create(path, body)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    def patch(self, path: str, body: Json) -> Json:
        """Merge into an object (RFC 7386); None as a value removes, and an array replaces an array."""
        return self._call("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Delete an object if it exists."""
        try:
            self._call("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise

    def ready(self) -> bool:
        """Return whether the server reports that it is ready."""
        try:
            self._raw("GET", "/readyz")
        except (ApiError, OSError, http.client.HTTPException):
            return False
        return True

    def _call(self, method: str, path: str, body: Json | None = None, kind: str = "application/json") -> Json:
        answer: Json = json.loads(self._raw(method, path, None if body is None else json.dumps(body).encode(), kind))
        return answer

    def _raw(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        kept = getattr(self._local, "connection", None)
        connection = kept or http.client.HTTPSConnection(self._host, self._port, timeout=SECONDS, context=self._context)
        self._local.connection = None
        try:
            connection.request(method, path, body, {"Content-Type": kind, "Accept": "application/json"})
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            # A kept connection may have been closed. Only GET is repeated, because it changes nothing.
            if kept is not None and method == "GET":
                return self._raw(method, path, body, kind)
            raise
        self._local.connection = connection
        if response.status >= 400:
            try:
                raise ApiError(response.status, json.loads(data))
            except ValueError:
                raise ApiError(response.status, {"message": data.decode(errors="replace")}) from None
        return data


def event(api: Api, about: Json, kind: str, reason: str, message: str, source: str) -> None:
    """Create an event (`kubectl describe`), or count the same event again. kind: Normal or Warning."""
    meta = about["metadata"]
    namespace = meta.get("namespace", "default")
    digest = hashlib.sha256(f"{meta['uid']}{kind}{reason}{message}".encode()).hexdigest()[:16]
    name, now = f"{meta['name']}.{digest}", datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"/api/v1/namespaces/{namespace}/events"
    reference = {name: meta[name] for name in ("name", "uid", "resourceVersion")} | {"namespace": namespace}
    body = {
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {**reference, "kind": about["kind"], "apiVersion": about["apiVersion"]},
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": source},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        api.create(path, body)
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
        count = int(api.get(f"{path}/{name}").get("count") or 1)
        api.patch(f"{path}/{name}", {"count": count + 1, "lastTimestamp": now})
