"""A kubeconfig, given or found as client-go finds it, and the one cluster and user of it that count.

Semantics: pulumi-kubernetes, provider/pkg/provider/util.go (`parseKubeconfigString`, `getActiveClusterFromConfig`), and client-go's
tools/clientcmd: in a kubeconfig given as contents or by the path in the provider's configuration relative paths begin at the working
directory; in one found through KUBECONFIG or in the home directory they begin at the file's folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sandbox.kubernetes_provider.errors import ProviderError

_FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}


@dataclass(frozen=True)
class Access:
    """How to reach one cluster: the entries of its kubeconfig, and the namespace of the context."""

    cluster: Mapping[str, Any]
    user: Mapping[str, Any] = field(repr=False)
    namespace: str = "default"


def parse(path_or_contents: str) -> dict[str, Any]:
    """The kubeconfig in a file or in a text, YAML or JSON. Raises ProviderError; it never quotes the text."""
    expanded = Path(path_or_contents).expanduser() if path_or_contents.startswith("~") else Path(path_or_contents)
    try:
        contents = expanded.read_text() if _exists(expanded) else path_or_contents
        parsed = yaml.safe_load(contents)
    except (OSError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        place = f"line {where.line + 1}" if where else type(error).__name__
        raise ProviderError(f"it is neither a file nor YAML ({place})") from None
    if not isinstance(parsed, dict):
        raise ProviderError("it is neither a file that exists nor a kubeconfig")
    return parsed


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # contents make too long a file name
        return False


def ambient(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The files of KUBECONFIG joined, the first one's values first, else ~/.kube/config; empty when there is none."""
    named = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    merged: dict[str, Any] = {}
    for path in named or [Path(environment.get("HOME") or "~").expanduser() / ".kube" / "config"]:
        if not path.exists():
            continue
        config = _with_places(parse(str(path)), path.absolute().parent)
        for key, value in config.items():
            if isinstance(value, list):
                known = {entry.get("name") for entry in merged.get(key, [])}
                merged[key] = [*merged.get(key, []), *(entry for entry in value if entry.get("name") not in known)]
            else:
                merged[key] = merged.get(key) or value
    return merged


def _with_places(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    for section, names in _FILES.items():
        for entry in config.get(section) or []:
            values = entry.get(section[:-1]) or {}
            for name in names:
                if values.get(name):
                    values[name] = str(folder / values[name])
            program = values.get("exec") or {}
            if "/" in str(program.get("command", "")):
                program["command"] = str(folder / program["command"])
    return config


def access(config: Mapping[str, Any], context: str = "", cluster: str = "", namespace: str = "") -> Access:
    """The cluster, user and namespace of a context: `current-context` unless another is named. Raises ProviderError."""
    chosen = context or str(config.get("current-context") or "")
    found = _named(config, "contexts", chosen)
    if found is None:
        if context:
            raise ProviderError(f'context "{context}" does not exist')
        raise ProviderError(
            "invalid configuration: no configuration has been provided, or its current-context is none of its contexts"
        )
    wanted = cluster or str(found.get("cluster") or "")
    server = _named(config, "clusters", wanted)
    if server is None:
        raise ProviderError(f'cluster "{wanted}" does not exist')
    user = _named(config, "users", str(found.get("user") or ""))
    return Access(server, user or {}, namespace or str(found.get("namespace") or "default"))


def active_cluster(config: Mapping[str, Any], context: Any = None, cluster: Any = None) -> Mapping[str, Any] | None:
    """The entry of the cluster that would be used; None when there is none."""
    found = _named(config, "contexts", str(context or config.get("current-context") or ""))
    return None if found is None else _named(config, "clusters", str(cluster or found.get("cluster") or ""))


def _named(config: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any] | None:
    for entry in config.get(section) or []:
        if entry.get("name") == name:
            return entry.get(section[:-1]) or {}
    return None
