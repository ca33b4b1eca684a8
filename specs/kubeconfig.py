"""Access to the cluster's API for the program and for the person: a kubeconfig without any secret, and kubectl's command lines."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

import yaml

CREDENTIAL_COMMAND = "operations/kube-token"
"""Makes a token for each request that needs one.

A relative path is the same on every machine: the program's plugins run in the project's folder (source: pulumi, provider_plugin.go), and
for kubectl it begins at the kubeconfig's folder (source: client-go, clientcmd/loader.go). It has a folder in it, because client-go looks up
a name without one on PATH, and from 0.35 on `./name` too (source: exec.go, newAuthenticator).
"""


def kubeconfig(of_cloud: str, cluster_id: str, region: str, profile: str = "") -> str:
    """The kubeconfig of a cluster, as JSON in one line, which is YAML too.

    of_cloud: as OKE hands it out (YAML), where the credential is a command of Oracle's CLI; only address and certificate are used.
    profile: of ~/.oci/config, "" for the usual one. Raises ValueError if it is not one.
    """
    document = yaml.safe_load(of_cloud)
    try:
        cluster: dict[str, Any] = document["clusters"][0]["cluster"]
    except (TypeError, LookupError):
        raise ValueError(f"the cloud's answer for {cluster_id} is not a kubeconfig") from None
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": CREDENTIAL_COMMAND,
        "args": [cluster_id, "--region", region, *(["--profile", profile] if profile else [])],
        "interactiveMode": "Never",
    }
    name = "oke"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {"exec": credential}}],
        },
        sort_keys=True,
    )


def file_name(stack: str) -> str:
    """Where a stack's kubeconfig is put, in the project's folder."""
    return f".kubeconfig-{stack}"


def write_command(kubeconfig_json: str, stack: str) -> str:
    """The command line that writes the kubeconfig, for the project's folder."""
    return f"printf %s {shlex.quote(kubeconfig_json)} >{file_name(stack)}"


def kubectl_command(stack: str, namespace: str, *words: str) -> str:
    """A kubectl command line on the app's namespace."""
    return shlex.join(["kubectl", "--kubeconfig", file_name(stack), "--namespace", namespace, *words])


def tunnel_command(kubeconfig_json: str, stack: str, namespace: str, app: str, ports: Sequence[int]) -> str:
    """The command line which brings the Service's port (ports: one's own, the Service's) to the person's machine."""
    forward = kubectl_command(stack, namespace, "port-forward", f"service/{app}", f"{ports[0]}:{ports[1]}")
    return f"{write_command(kubeconfig_json, stack)} && {forward}"
