"""The app of a stack in its cluster, reached through the stack's outputs."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import Any

from sandbox.environment import environment
from sandbox.kubernetes import node
from sandbox.oci.catalogue import cloud
from sandbox.oci.cloud import Record
from tests.support.stack import ROOT, Stack


def kubectl(stack: Stack, *words: str, check: bool = True) -> str:
    """Run kubectl in the app's namespace with the stack's output `kubeconfig`. Raises AssertionError if it fails and `check` is True."""
    write = stack.output("kubeconfig")
    file = write.rpartition(">")[2]
    command = shlex.join(["kubectl", "--kubeconfig", file, "--namespace", stack.output("namespace"), *words])
    done = subprocess.run(
        ["sh", "-c", f"{write} && exec {command}"],
        cwd=ROOT,
        env=environment(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not check or done.returncode == 0, f"{command}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def get(stack: Stack, *words: str) -> Any:
    """Run `kubectl get … -o json`."""
    return json.loads(kubectl(stack, "get", *words, "--output", "json"))


def pods(stack: Stack) -> list[dict[str, Any]]:
    """The app's pods, without those that are terminating."""
    every = get(stack, "pods")["items"]
    return [one for one in every if "deletionTimestamp" not in one["metadata"]]


def pod(stack: Stack) -> dict[str, Any]:
    """The only pod of the app."""
    [found] = pods(stack)
    return found


def in_pod(stack: Stack, code: str, check: bool = True) -> str:
    """Run Python code in the app's container and return its output."""
    app = get(stack, "deployments")["items"][0]["metadata"]["name"]
    return kubectl(stack, "exec", f"deployment/{app}", "--", "python", "-c", code, check=check)


def load_balancer(stack: Stack) -> Record:
    """The cloud's record of the cluster's only load balancer."""
    [found] = [one for one in cloud().all("loadbalancer") if one.private["cluster"] == stack.output("clusterId")]
    return found


def nodes(stack: Stack) -> list[str]:
    """The containers of the nodes of the stack's cluster."""
    pools = [one for one in cloud().all("nodepool") if one.properties["clusterId"] == stack.output("clusterId")]
    return [found["container"] for pool in pools for found in pool.private["nodes"]]


def restart_node(stack: Stack) -> None:
    """Reboot the only node."""
    [name] = nodes(stack)
    node.restart(name)
