"""How the provider is configured: the variables of the engine's Configure, and the environment behind them.

Semantics: pulumi-kubernetes, provider/pkg/provider/provider.go, `CheckConfig`, `DiffConfig`, `Configure`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes_provider import kubeconfig, sdk
from sandbox.kubernetes_provider.check import problems
from sandbox.kubernetes_provider.errors import ProviderError, UnsupportedError
from sandbox.kubernetes_provider.objects import UNKNOWN, Object

_PREFIX = "kubernetes:config:"
_IN_ENVIRONMENT = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
}
_NOT_DONE = ("renderYamlToDirectory", "alwaysRender", "helmReleaseSettings")
# What the engine and the SDK add to a provider's properties.
_ENGINES_OWN = ("version", "pluginDownloadURL", "strictMode")


@dataclass(frozen=True)
class Settings:
    """What the program or the stack's configuration says. kubeconfig: contents or path; "" is the one of the environment."""

    kubeconfig: str = field(default="", repr=False)
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    patch_force: bool = False
    upsert: bool = False
    config_map_mutable: bool = False
    secret_mutable: bool = False
    timeout: float | None = None
    """Seconds for an answer of the API server; None: as long as it takes."""


def read(variables: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Settings:
    """From the engine's variables, then the environment. Raises UnsupportedError for what is not done here."""
    given = {key.removeprefix(_PREFIX): value for key, value in variables.items() if key.startswith(_PREFIX)}

    def flag(name: str, default: bool = False) -> bool:
        value = given.get(name, environment.get(_IN_ENVIRONMENT[name]))
        return default if value is None else value == "true"

    _refuse({name: value for name, value in given.items() if value not in ("", "false")})
    if not flag("enableServerSideApply", True):
        raise UnsupportedError("enableServerSideApply=false (client-side apply)")
    if environment.get("PULUMI_K8S_AWAIT_ALL") == "true":
        raise UnsupportedError("PULUMI_K8S_AWAIT_ALL")
    client = json.loads(given.get("kubeClientSettings") or "{}")
    timeout = client.get("timeout") or environment.get("PULUMI_K8S_CLIENT_TIMEOUT")
    return Settings(
        kubeconfig=given.get("kubeconfig", ""),
        context=given.get("context", ""),
        cluster=given.get("cluster", ""),
        namespace=given.get("namespace", ""),
        delete_unreachable=flag("deleteUnreachable"),
        skip_update_unreachable=flag("skipUpdateUnreachable"),
        patch_force=flag("enablePatchForce"),
        upsert=flag("upsertExistingObjects"),
        config_map_mutable=flag("enableConfigMapMutable"),
        secret_mutable=flag("enableSecretMutable"),
        timeout=float(timeout) if timeout else None,
    )


def _refuse(given: Mapping[str, Any]) -> None:
    for name in _NOT_DONE:
        if given.get(name) not in (None, UNKNOWN, "", False):
            raise UnsupportedError(f"the provider's {name}")


def check(news: Object, strict: bool, default_provider: bool) -> list[tuple[str, str]]:
    """What is wrong with the configuration: property ("" for none) and reason. It never holds a value."""
    _refuse(news)
    found = []
    if strict:
        if default_provider:
            found.append(("", "strict mode prohibits default provider"))
        for name in ("kubeconfig", "context"):
            if not news.get(name):
                found.append((name, f'strict mode requires Provider "{name}" argument'))
    known = {name: value for name, value in news.items() if name not in _ENGINES_OWN and not name.startswith("__")}
    fields = sdk.configuration()
    # The SDK sends what is not text as JSON, and a kubeconfig may come as an object.
    found += [
        ("", f"{name} is not a property of the provider; valid properties: {', '.join(sorted(fields))}")
        for name in known
        if name not in fields
    ]
    texts = {
        name: value for name, value in known.items() if name in ("context", "cluster", "namespace", "clusterIdentifier")
    }
    found += [("", reason) for reason in problems(texts, {name: fields[name] for name in texts})]
    return found


@dataclass(frozen=True)
class ConfigDiff:
    """Names of changed properties, and of those whose change replaces the provider and with it all its resources."""

    diffs: list[str]
    replaces: list[str]


def diff(old: Object, new: Object) -> ConfigDiff:
    """A provider is replaced when its kubeconfig leads to another cluster, or may do so."""
    diffs = sorted(
        name for name in old.keys() | new.keys() if old.get(name) != new.get(name) or new.get(name) is UNKNOWN
    )
    replaces: list[str] = []
    same_identity = bool(new.get("clusterIdentifier")) and old.get("clusterIdentifier") == new.get("clusterIdentifier")
    if "clusterIdentifier" in diffs and old.get("clusterIdentifier") and new.get("clusterIdentifier"):
        replaces.append("clusterIdentifier")
    for name in ("kubeconfig", "context", "cluster"):
        if new.get(name) is UNKNOWN:
            return ConfigDiff([name], [] if same_identity else [*replaces, name])
    before, after = _active(old), _active(new)
    if before is not None and after is not None and before != after:
        replaces += [name for name in ("kubeconfig", "context", "cluster") if name in diffs]
    return ConfigDiff(diffs, [] if same_identity else replaces)


def _active(config: Object) -> Mapping[str, Any] | None:
    given = config.get("kubeconfig")
    if not given:
        return None
    try:
        parsed = given if isinstance(given, dict) else kubeconfig.parse(str(given))
    except ProviderError as error:
        raise ProviderError(f"failed to parse kubeconfig: {error}") from None
    return kubeconfig.active_cluster(parsed, config.get("context"), config.get("cluster"))
