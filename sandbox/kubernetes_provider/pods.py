"""Why a pod is not ready: scheduled, initialized, ready, in this order.

Semantics and words: pulumi-kubernetes, provider/pkg/await/checker/pod/check.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes_provider.objects import Object, name, namespace, pluck


@dataclass(frozen=True)
class Finding:
    """ready: all is well; waiting_for: the description of the first condition that is not met; problem: "" or what is wrong."""

    ready: bool
    waiting_for: str
    problem: str = ""


def look(pod: Object) -> Finding:
    """The first of the three conditions that does not hold."""
    who = name(pod) if namespace(pod) in ("", "default") else f"{namespace(pod)}/{name(pod)}"
    for kind, state in (("PodScheduled", "scheduled"), ("Initialized", "initialized"), ("Ready", "ready")):
        waiting_for = f'Waiting for Pod "{who}" to be {state}'
        found = next((one for one in pluck(pod, "status", "conditions") or [] if one.get("type") == kind), None)
        if found is None:
            return Finding(False, waiting_for)
        succeeded = kind == "Ready" and pluck(pod, "status", "phase") == "Succeeded"
        if found.get("status") == "True" or succeeded:
            continue
        if kind == "PodScheduled":
            message = found.get("message", "") if found.get("reason") else ""
            return Finding(False, waiting_for, message)
        problems = [p for status in pluck(pod, "status", "containerStatuses") or [] for p in _problems(status)]
        if not problems and not found.get("message"):
            return Finding(False, waiting_for)
        own = found.get("message", "") if found.get("reason") else ""
        return Finding(False, waiting_for, f"[Pod {who}]: {own}" + "\n".join(problems))
    return Finding(True, "")


def _problems(status: Object) -> Iterator[str]:
    if status.get("ready"):
        return
    container = status.get("name", "")
    waiting: Any = pluck(status, "state", "waiting")
    if waiting and waiting.get("reason") != "ContainerCreating":
        yield f"[{waiting.get('reason', '')}] {_trimmed(waiting.get('message', ''))}"
    ended: Any = pluck(status, "state", "terminated")
    if ended and ended.get("reason"):
        message = ended.get("message")
        exit_code = ended.get("exitCode", 0)
        yield (
            f"[{ended['reason']}] {_trimmed(message)}"
            if message
            else f'container "{container}" completed with exit code {exit_code}'
        )
    last: Any = pluck(status, "lastState", "terminated")
    if last:
        how = f"{last.get('reason', '')}: exit code {last.get('exitCode', 0)}"
        yield f'container "{container}" terminated at {last.get("finishedAt", "")} ({how})'
        if last.get("message"):
            yield last["message"]


def _trimmed(message: str) -> str:
    return message.removeprefix("rpc error: code = Unknown desc = Error response from daemon: ").removesuffix(
        ": manifest unknown"
    )
