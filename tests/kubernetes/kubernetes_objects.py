"""Objects for the tests of the emulated kubernetes provider, in the format of kubernetes_project.py."""

from __future__ import annotations

from typing import Any


def config_map(**changes: Any) -> dict[str, Any]:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}, **changes}
    return {"type": "kubernetes:core/v1:ConfigMap", "inputs": inputs}


def secret(value: str, **metadata: Any) -> dict[str, Any]:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": value}}
    return {"type": "kubernetes:core/v1:Secret", "inputs": inputs}


def deployment(image: str, seconds: int = 5, **spec: Any) -> dict[str, Any]:
    container = {"name": "app", "image": image, "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}}
    template = {
        "metadata": {"labels": {"app": "app"}},
        "spec": {"containers": [container], "automountServiceAccountToken": False, "hostNetwork": False},
    }
    inputs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {
            "selector": {"matchLabels": {"app": "app"}},
            "strategy": {"type": "Recreate"},
            "template": template,
            **spec,
        },
    }
    options = {"custom_timeouts": {"create": f"{seconds}s", "update": f"{seconds}s"}}
    return {"type": "kubernetes:apps/v1:Deployment", "inputs": inputs, "options": options}


def service(**spec: Any) -> dict[str, Any]:
    inputs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app"},
        "spec": {"ports": [{"port": 80, "targetPort": "http"}], **spec},
    }
    return {"type": "kubernetes:core/v1:Service", "inputs": inputs}
