"""Waiting until an object is what its kind promises, and until a deleted one is gone.

Semantics: pulumi-kubernetes, provider/pkg/await (awaiters.go, condition/). The official plugin listens to watches; here the cluster
is asked, once a second after the first moments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

from sandbox.kubernetes_provider import names, pods, rollout, service
from sandbox.kubernetes_provider.errors import ApiError, UnreachableError, UnsupportedError, WaitError, is_not_found
from sandbox.kubernetes_provider.objects import Kind, Object, fq_name, metadata, name, namespace, notes, pluck
from sandbox.kubernetes_provider.operation import CancelledError, Operation

# Seconds. Soon at first: most deletions take a moment.
_PAUSES = (0.1, 0.2, 0.3, 0.5)
_LONGEST_PAUSE = 1.0
# Fixed in the official plugin: neither `custom_timeouts` nor the annotation changes them.
_CLAIM_SECONDS, _QUOTA_SECONDS, _TOKEN_SECONDS = 300.0, 60.0, 5.0

_DEPLOYMENT = Kind("apps", "v1", "Deployment")
_SERVICE, _POD, _CLAIM = Kind("", "v1", "Service"), Kind("", "v1", "Pod"), Kind("", "v1", "PersistentVolumeClaim")
_NOT_DONE = {
    Kind("apps", "v1", "DaemonSet"),
    Kind("apps", "v1", "StatefulSet"),
    Kind("batch", "v1", "Job"),
    Kind("", "v1", "ReplicationController"),
    Kind("networking.k8s.io", "v1", "Ingress"),
}
# Kinds whose deletion is not waited for with skipAwait (metadata/overrides.go, allowsSkipAwaitWithDelete).
_SKIP_ON_DELETE = {
    _DEPLOYMENT,
    _POD,
    Kind("", "v1", "Namespace"),
    Kind("", "v1", "ReplicationController"),
    Kind("apps", "v1", "DaemonSet"),
    Kind("apps", "v1", "StatefulSet"),
    Kind("batch", "v1", "Job"),
}

_Look = Callable[[], tuple[bool, Object, list[str], str]]
"""One look: done, the object, what stands in the way, a line for the status."""


def refuse_not_done(inputs: Object) -> None:
    """Raises UnsupportedError for an object which the official plugin would wait for in a way that is not done here."""
    if names.WAIT_FOR in notes(inputs):
        raise UnsupportedError(f"waiting by the annotation {names.WAIT_FOR}")
    if Kind.of(inputs) in _NOT_DONE and not names.is_true(inputs, names.SKIP_AWAIT):
        raise UnsupportedError(f"waiting for a {inputs['kind']} (the annotation {names.SKIP_AWAIT} leaves it out)")


def until_ready(operation: Operation, inputs: Object, live: Object, last: Object | None, seconds: float) -> Object:
    """The object, once it is ready. last: as it was before the update. Raises WaitError with the object as it is then."""
    if names.is_true(inputs, names.SKIP_AWAIT):
        return live
    kind = Kind.of(live)
    if kind == _DEPLOYMENT:
        return _wait(operation, live, seconds, lambda: _deployment(operation, live))
    if kind == _POD:
        return _wait(operation, live, seconds, lambda: _pod(operation, live))
    if kind == _SERVICE:
        return _service(operation, live, seconds)
    if kind == _CLAIM:
        return _wait(operation, live, _CLAIM_SECONDS, lambda: _claim(operation, live, last), polled=True)
    if kind == Kind("", "v1", "PersistentVolume"):
        done = lambda it: pluck(it, "status", "phase") in ("Available", "Bound")  # noqa: E731
        return _wait(operation, live, _CLAIM_SECONDS, lambda: _simple(operation, live, done), polled=True)
    if kind == Kind("", "v1", "ResourceQuota"):
        same = lambda it: pluck(it, "spec", "hard") == pluck(it, "status", "hard")  # noqa: E731
        return _wait(operation, live, _QUOTA_SECONDS, lambda: _simple(operation, live, same), polled=True)
    if kind == Kind("", "v1", "Secret") and live.get("type") == "kubernetes.io/service-account-token":
        filled = lambda it: bool(it.get("data"))  # noqa: E731
        return _wait(operation, live, _TOKEN_SECONDS, lambda: _simple(operation, live, filled), polled=True)
    return live


def read_ready(operation: Operation, inputs: Object, live: Object) -> None:
    """One look, for refresh. Raises WaitError when a Deployment, Service or Pod is not ready."""
    if names.is_true(inputs, names.SKIP_AWAIT):
        return
    kind, done = Kind.of(live), True
    reasons: list[str] = []
    if kind == _DEPLOYMENT:
        done, _, reasons, _ = _deployment(operation, live)
    elif kind == _POD:
        done, _, reasons, _ = _pod(operation, live)
    elif kind == _SERVICE:
        watched = service.Watched(time.monotonic)
        watched.saw(live, _endpoints(operation, live))
        watched.settle()
        done, reasons = watched.done, watched.reasons
    if not done:
        raise WaitError(f"Resource '{name(live)}' was created but failed to initialize", live, reasons)


def until_deleted(operation: Operation, inputs: Object, live: Object, seconds: float) -> None:
    """Until the object is gone. Raises WaitError with its last form."""
    kind = Kind.of(live)
    if names.is_true(inputs, names.SKIP_AWAIT) and kind in _SKIP_ON_DELETE:
        return
    operation.begin_wait(seconds)
    uid, last, pauses = metadata(live).get("uid"), live, _pauses()
    while True:
        try:
            last = operation.cluster.get(kind, namespace(live), name(live))
        except ApiError as error:
            if is_not_found(error):
                return
            operation.log.status(f"unexpected error while checking cluster state: {error}")
        if uid is not None and metadata(last).get("uid") != uid:
            return  # gone, and another one of the same name made by somebody else
        if operation.timed_out:
            operation.log.warning(
                f"finalizers might be preventing deletion ({', '.join(metadata(last).get('finalizers') or [])})"
            )
            raise WaitError("timed out waiting for the condition", last)
        operation.log.status("Resource scheduled for deletion")
        try:
            operation.pause(next(pauses))
        except CancelledError:
            raise WaitError("context canceled", last) from None


def _wait(operation: Operation, live: Object, seconds: float, look: _Look, polled: bool = False) -> Object:
    operation.begin_wait(seconds)
    last, pauses = live, _pauses()
    reasons: list[str] = []
    while True:
        try:
            done, last, reasons, status = look()
        except UnreachableError as error:  # a watch outlives an API server that is away for a moment
            done, status = False, str(error)
        if done:
            operation.log.status("")
            return last
        if operation.timed_out:
            who = name(live)
            raise WaitError(
                f"Timeout occurred polling for '{who}'" if polled else f"'{who}' timed out waiting to be Ready",
                last,
                reasons,
            )
        operation.log.status(status)
        try:
            operation.pause(next(pauses))
        except CancelledError:
            what = "for '{}'" if polled else 'for "{}"'
            raise WaitError("Resource operation was cancelled " + what.format(name(live)), last, reasons) from None


def _pauses() -> Iterator[float]:
    return chain(_PAUSES, repeat(_LONGEST_PAUSE))


def _deployment(operation: Operation, live: Object) -> tuple[bool, Object, list[str], str]:
    cluster, space = operation.cluster, namespace(live)
    found = cluster.get(_DEPLOYMENT, space, name(live))
    progress = rollout.progress(
        found,
        cluster.list_all(Kind("apps", "v1", "ReplicaSet"), space),
        cluster.list_all(_POD, space),
        cluster.list_all(_CLAIM, space),
    )
    return progress.done, found, progress.reasons, progress.status


def _pod(operation: Operation, live: Object) -> tuple[bool, Object, list[str], str]:
    found = operation.cluster.get(_POD, namespace(live), name(live))
    finding = pods.look(found)
    return finding.ready, found, [finding.problem] if finding.problem else [], finding.waiting_for


def _claim(operation: Operation, live: Object, last: Object | None) -> tuple[bool, Object, list[str], str]:
    found = operation.cluster.get(_CLAIM, namespace(live), name(live))
    phase, chosen = pluck(found, "status", "phase"), pluck(found, "spec", "storageClassName")
    status = f"Waiting for PersistentVolumeClaim {fq_name(live)}: {phase}"
    if last is not None and phase == "Bound":
        return True, found, [], status
    mode = None
    if chosen:
        try:
            mode = operation.cluster.get(Kind("storage.k8s.io", "v1", "StorageClass"), "", chosen).get(
                "volumeBindingMode"
            )
        except ApiError as error:
            status = f'getting storageclass "{chosen}": {error}'
    else:
        status = f'no storage class found for "{name(live)}"'
    # Strictly so: a new claim that waits for its first consumer, but is bound before it is looked at, is waited for in vain.
    ready = phase == ("Pending" if mode == "WaitForFirstConsumer" else "Bound")
    return ready, found, [] if ready else [status], status


def _simple(operation: Operation, live: Object, done: Callable[[Any], bool]) -> tuple[bool, Object, list[str], str]:
    found = operation.cluster.get(Kind.of(live), namespace(live), name(live))
    return done(found), found, [], f"Waiting for {live.get('kind')} {fq_name(live)}"


def _endpoints(operation: Operation, live: Object) -> Object | None:
    try:
        return operation.cluster.get(Kind("", "v1", "Endpoints"), namespace(live), name(live))
    except ApiError as error:
        if is_not_found(error):
            return None
        raise


def _service(operation: Operation, live: Object, seconds: float) -> Object:
    watched = service.Watched(time.monotonic)

    def look() -> tuple[bool, Object, list[str], str]:
        watched.saw(operation.cluster.get(_SERVICE, namespace(live), name(live)), _endpoints(operation, live))
        done = watched.done or (operation.timed_out and watched.good_enough)
        return done, watched.service, watched.reasons, watched.status

    return _wait(operation, live, seconds, look)
