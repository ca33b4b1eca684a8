"""Whether a Deployment's rollout is done, from what the cluster says of it, its ReplicaSets, their pods and its claims.

Semantics and words: pulumi-kubernetes, provider/pkg/await/deployment.go. There, events are added up; here the whole is looked at
again each time, which comes to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.kubernetes_provider import pods as pod_states
from sandbox.kubernetes_provider.objects import Object, generation, name, notes, owned_by, pluck

_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class Progress:
    """done: the rollout is complete; reasons: what stands in the way, for the error; status: one line for now."""

    done: bool
    reasons: list[str]
    status: str


def progress(
    deployment: Object, replica_sets: Sequence[Object], pods: Sequence[Object], claims: Sequence[Object]
) -> Progress:
    """The lists are of the whole namespace: what belongs to the Deployment is picked out."""
    revision = notes(deployment).get(_REVISION, "")
    current = next(
        (one for one in replica_sets if owned_by(one, deployment) and notes(one).get(_REVISION) == revision), None
    )
    observed = pluck(deployment, "status", "observedGeneration") == generation(deployment)
    available, refusals = _condition(deployment, "Available")
    progressing, more_refusals = _condition(deployment, "Progressing")
    rolled_out = progressing and _reason(deployment, "Progressing") == "NewReplicaSetAvailable"
    ready = current is not None and bool(revision) and _replicas_ready(deployment, current)
    unbound = [name(claim) for claim in _used(deployment, claims) if pluck(claim, "status", "phase") != "Bound"]
    first = revision == "1"
    done = observed and available and ready and (first or rolled_out) and not unbound

    reasons = [*more_refusals, *refusals]
    if unbound:
        reasons.append(f'Failed to bind PersistentVolumeClaim(s): "{",".join(unbound)}"')
    if not available:
        reasons.append("Minimum number of live Pods was not attained")
    elif not first and not rolled_out:
        reasons.append("Minimum number of Pods to consider the application live was not attained")
    elif not ready:
        reasons.append(
            "Minimum number of Pods to consider the application live was not attained"
            if first
            else "Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live"
        )
    problems = _pod_problems(pods, current)
    return Progress(done, [*reasons, *problems], problems[0] if problems else _status(current))


def _replicas_ready(deployment: Object, current: Object) -> bool:
    """As the ReplicaSet plans, which is the plan of record: somebody may have scaled the Deployment.

    With the strategy Recreate the old ReplicaSet stays the current one until it is scaled down to nothing. That is no success (the
    official plugin can take it for one).
    """
    wanted = pluck(current, "spec", "replicas")
    wanted = 1 if wanted is None else wanted
    if wanted == 0 and pluck(deployment, "spec", "replicas") != 0:
        return False
    return bool((pluck(current, "status", "readyReplicas") or 0) >= wanted)


def _condition(deployment: Object, kind: str) -> tuple[bool, list[str]]:
    """Whether the condition is True, and what the controller says where it is not."""
    for one in pluck(deployment, "status", "conditions") or []:
        if one.get("type") == kind:
            good = one.get("status") == "True"
            told = not good and one.get("reason") and one.get("message")
            return good, [f"[{one['reason']}] {one['message']}"] if told else []
    return False, []


def _reason(deployment: Object, kind: str) -> str:
    conditions = pluck(deployment, "status", "conditions") or []
    return next((str(one.get("reason")) for one in conditions if one.get("type") == kind), "")


def _used(deployment: Object, claims: Sequence[Object]) -> list[Object]:
    volumes = pluck(deployment, "spec", "template", "spec", "volumes") or []
    wanted = {pluck(volume, "persistentVolumeClaim", "claimName") for volume in volumes}
    return [claim for claim in claims if name(claim) in wanted]


def _pod_problems(pods: Sequence[Object], current: Object | None) -> list[str]:
    """Of the pods of the current ReplicaSet. What only tells that a pod is not scheduled is told too: here it is the cause.

    (The official plugin shows it as a status while it waits, and leaves it out of the error.)
    """
    findings = [pod_states.look(pod) for pod in pods if owned_by(pod, current)]
    return [finding.problem for finding in findings if finding.problem]


def _status(current: Object | None) -> str:
    if current is None:
        return "Waiting for app ReplicaSet to be created"
    ready, wanted = pluck(current, "status", "readyReplicas") or 0, pluck(current, "spec", "replicas")
    return f"Waiting for app ReplicaSet to be available ({ready}/{wanted} Pods available)"
