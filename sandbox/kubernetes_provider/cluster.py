"""Requests to one API server, through the official client (its TLS, proxies and certificates).

The client's generated classes are not used: objects stay plain values, as in client-go's dynamic client.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.kube_config import KubeConfigLoader

from sandbox.kubernetes_provider.errors import ApiError, NoMatchError, UnreachableError
from sandbox.kubernetes_provider.exec_credentials import ExecCredentials
from sandbox.kubernetes_provider.kubeconfig import Access
from sandbox.kubernetes_provider.objects import Kind, Object, name, namespace

# client-go's dialler gives up after 30 s (net.Dialer in k8s.io/apimachinery/pkg/util/net); an answer may take as long as it takes.
_CONNECT_SECONDS = 30
_APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class ApiResource:
    """Where the objects of a kind are: the plural in the path, and whether they live in namespaces."""

    plural: str
    namespaced: bool


class Cluster:
    """One API server and one user. Safe for use in threads."""

    def __init__(self, access: Access, user_agent: str, timeout: float | None = None) -> None:
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=timeout)
        self._user_agent = user_agent
        self._exec = ExecCredentials(access.user["exec"], access.cluster) if access.user.get("exec") else None
        self._access = access
        self._lock = threading.Lock()
        self._client: ApiClient | None = None
        self._credentials: Any = None
        self._resources: dict[tuple[str, str], dict[str, ApiResource]] = {}

    # --- objects -------------------------------------------------------------------------------------------------------------------

    def get(self, kind: Kind, space: str, object_name: str) -> Object:
        """One object. Raises ApiError, NotFound too."""
        return self.request("GET", self._path(kind, space, object_name))

    def list_all(self, kind: Kind, space: str) -> list[Object]:
        """All objects of the kind in the namespace."""
        return list(self.request("GET", self._path(kind, space)).get("items") or [])

    def create(self, obj: Object, manager: str, dry_run: bool) -> Object:
        """A new object; AlreadyExists when there is one."""
        query = {"fieldManager": manager, **_dry(dry_run)}
        return self.request("POST", self._path(Kind.of(obj), namespace(obj)), query, obj)

    def apply(self, obj: Object, manager: str, force: bool, dry_run: bool) -> Object:
        """Server-side apply; Conflict where another manager owns a field and `force` is not set."""
        query = {"fieldManager": manager, "force": str(force).lower(), **_dry(dry_run)}
        return self.request("PATCH", self._path(Kind.of(obj), namespace(obj), name(obj)), query, obj, _APPLY)

    def json_patch(self, obj: Object, operations: list[dict[str, Any]]) -> Object:
        """RFC 6902 on an object that is there."""
        path = self._path(Kind.of(obj), namespace(obj), name(obj))
        return self.request("PATCH", path, None, operations, "application/json-patch+json")

    def delete(self, obj: Object, object_name: str, propagation: str) -> None:
        """Begins to delete the object."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        self.request("DELETE", self._path(Kind.of(obj), namespace(obj), object_name), None, body)

    # --- what there is -------------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Raises when the server is not there, or does not tell us what it has."""
        self.request("GET", "/openapi/v3")

    def resource(self, kind: Kind) -> ApiResource:
        """How the kind is addressed. Raises NoMatchError."""
        group = (kind.group, kind.version)
        if group not in self._resources or kind.kind not in self._resources[group]:
            root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
            try:
                listed = self.request("GET", root).get("resources") or []
            except ApiError as error:
                if error.code != 404:
                    raise
                listed = []
            self._resources[group] = {
                one["kind"]: ApiResource(one["name"], bool(one["namespaced"]))
                for one in listed
                if "/" not in one["name"]
            }
        try:
            return self._resources[group][kind.kind]
        except KeyError:
            raise NoMatchError(kind.kind, kind.api_version) from None

    def has(self, kind: Kind) -> bool:
        """Whether the cluster knows the kind."""
        try:
            self.resource(kind)
        except (NoMatchError, ApiError):
            return False
        return True

    def _path(self, kind: Kind, space: str, object_name: str = "") -> str:
        resource = self.resource(kind)
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        within = f"/namespaces/{quote(space or 'default', safe='')}" if resource.namespaced else ""
        return f"{root}{within}/{resource.plural}" + (f"/{quote(object_name, safe='')}" if object_name else "")

    # --- requests ------------------------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content: str = "application/json",
    ) -> Object:
        """The answer as plain values. Raises ApiError for a refusal, UnreachableError where there is no answer."""
        answer = self._send(method, path, query, body, content)
        if answer.status == 401 and self._exec is not None:
            self._exec.forget()
            answer = self._send(method, path, query, body, content)
        try:
            parsed = json.loads(answer.data or b"{}")
        except ValueError:
            parsed = {"code": answer.status, "message": f"{method} {path}: status {answer.status}, and no JSON"}
        if answer.status >= 400:
            raise ApiError({"code": answer.status, **parsed})
        return dict(parsed)

    def _send(self, method: str, path: str, query: Mapping[str, str] | None, body: Any, content: str) -> Any:
        client = self._connected()
        headers = {"Accept": "application/json", "User-Agent": self._user_agent}
        if body is not None:
            headers["Content-Type"] = content
        for setting in client.configuration.auth_settings().values():
            if setting["value"]:
                headers[setting["key"]] = setting["value"]
        url = client.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        try:
            return client.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=self._timeout,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(f"{method.capitalize()} {client.configuration.host}{path}: {error}") from None

    def _connected(self) -> ApiClient:
        status = self._exec.status() if self._exec else None
        with self._lock:
            if self._client is None or status is not self._credentials:
                self._client, self._credentials = _client(self._access, status), status
            return self._client


def _client(access: Access, status: Mapping[str, Any] | None) -> ApiClient:
    user = {key: value for key, value in access.user.items() if key != "exec"}
    if status:
        names = {
            "token": "token",
            "clientCertificateData": "client-certificate-data",
            "clientKeyData": "client-key-data",
        }
        user |= {names[key]: _encoded(key, value) for key, value in status.items() if key in names}
    entries = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": dict(access.cluster)}],
        "users": [{"name": "it", "user": user}],
    }
    configuration = Configuration()
    configuration.retries = False
    configuration.connection_pool_maxsize = 16
    try:
        loader: Any = KubeConfigLoader
        loader(config_dict=entries, config_base_path="").load_and_set(configuration)
    except (ConfigException, ValueError) as error:
        raise UnreachableError(str(error)) from None
    return ApiClient(configuration)


def _encoded(key: str, value: str) -> str:
    import base64

    return value if key == "token" else base64.b64encode(value.encode()).decode()


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
