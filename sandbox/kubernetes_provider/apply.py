"""Creating and changing objects: what is sent, under which field manager, and what is tried again.

Semantics: pulumi-kubernetes, provider/pkg/await/await.go (Creation, Update, ssaUpdate, fixCSAFieldManagers, patchForce). An object is
created by a POST under the name `pulumi-kubernetes`, so that one which exists already is an error; its fields pass to the resource's
own field manager with the first update, which is a server-side apply.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sandbox.kubernetes_provider import names
from sandbox.kubernetes_provider.errors import (
    ApiError,
    NoMatchError,
    ProviderError,
    has_reason,
    is_namespace_missing,
    is_not_found,
)
from sandbox.kubernetes_provider.objects import Kind, Object, metadata, name, namespace, pluck, with_metadata
from sandbox.kubernetes_provider.operation import Operation

CREATING_MANAGER = "pulumi-kubernetes"
# retry.SleepingRetry with five retries and factor 2; None: no other attempt.
_RETRY_SECONDS = (1, 2, 4, 8, 16, None)
# Whose fields are taken over before an apply: kubectl's, and those of this provider without server-side apply.
_TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-kubernetes.exe", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)
_OWN_CREATING = ("pulumi-resource-kubernetes", "pulumi-kubernetes", "pulumi-kubernetes.exe")
_CONFLICTS = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/"
    "#handle-field-conflicts-on-existing-resources"
)
_EXISTS = """\
{error}

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use `pulumi import`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create."""


class AlreadyExistsError(ProviderError):
    """The object is there, and was not made by this resource."""


class NamespaceMissingError(ProviderError):
    """In a preview: the namespace is not made yet."""


def create(operation: Operation, inputs: Object, field_manager: str) -> Object:
    """The new object. While its namespace or kind is missing it is tried again, for half a minute in all."""
    for attempt, seconds in enumerate(_RETRY_SECONDS):
        try:
            return _create(operation, inputs, field_manager)
        except (ApiError, NoMatchError) as error:
            if operation.preview and is_namespace_missing(error):
                raise NamespaceMissingError(f'namespace does not exist for "{name(inputs)}"') from None
            if has_reason(error, "AlreadyExists"):
                raise AlreadyExistsError(_EXISTS.format(error=error)) from None
            if not (is_not_found(error) or isinstance(error, NoMatchError)) or seconds is None:
                raise
            operation.log.status(f"Retry #{attempt}; creation failed: {error}")
            operation.pause_before_retry(seconds)
    raise AssertionError("the last attempt raises")


def _create(operation: Operation, inputs: Object, field_manager: str) -> Object:
    if not operation.upsert:
        return operation.cluster.create(inputs, CREATING_MANAGER, operation.preview)
    try:
        return operation.cluster.apply(inputs, field_manager, force(operation, inputs, None), operation.preview)
    except ApiError as error:
        raise _conflict(error, field_manager) from None


def update(
    operation: Operation, inputs: Object, old_name: str, field_manager: str, ignored: Sequence[str]
) -> tuple[Object, Object]:
    """The object before and after. ignored: paths of `ignore_changes`."""
    before = operation.cluster.get(Kind.of(inputs), namespace(inputs), old_name)
    live = before
    if not operation.preview and (entries := taken_over(metadata(live).get("managedFields") or [], field_manager)):
        live = operation.cluster.json_patch(
            live,
            [
                {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata(live).get("resourceVersion")},
            ],
        )
    sent = without_ignored(inputs, live, field_manager, ignored)
    try:
        after = operation.cluster.apply(
            with_metadata(sent, name=old_name), field_manager, force(operation, inputs, live), operation.preview
        )
    except ApiError as error:
        raise _conflict(error, field_manager) from None
    return before, after


def relinquish(operation: Operation, live: Object, field_manager: str) -> None:
    """The manager gives up all its fields."""
    bare: Object = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": {"name": name(live)}}
    if namespace(live):
        bare["metadata"]["namespace"] = namespace(live)
    operation.cluster.apply(bare, field_manager, False, False)


def _conflict(error: ApiError, field_manager: str) -> ProviderError:
    if not has_reason(error, "Conflict"):
        return error
    return ProviderError(
        f"server-side apply field conflict detected, see {_CONFLICTS} for troubleshooting help\n"
        f'The resource managed by field manager "{field_manager}" had an apply conflict: {error}'
    )


def force(operation: Operation, inputs: Object, live: Object | None) -> bool:
    """Whether an apply takes fields from other managers."""
    if names.is_true(inputs, names.PATCH_FORCE) or operation.patch_force:
        return True
    entries = metadata(live).get("managedFields") or [] if live is not None else []
    if operation.preview:
        if live is None:
            return True
        if any(one.get("operation") == "Update" and one.get("manager") in _OWN_CREATING for one in entries):
            return True
    return live is not None and not entries


def taken_over(entries: list[dict[str, Any]], field_manager: str) -> list[dict[str, Any]] | None:
    """The managed fields with those of earlier tools under the field manager; None when there are none such.

    As PatchReplaceFieldsManagers of github.com/fluxcd/pkg/ssa.
    """
    own: dict[str, Any] | None = None
    kept, edited = [], False
    for entry in entries:
        if entry.get("manager") == field_manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            own = copy.deepcopy(entry)
    for entry in entries:
        mine = entry.get("manager") == field_manager and entry.get("operation") == "Apply"
        if entry.get("subresource") or (not mine and not _is_taken_over(entry)):
            kept.append(entry)
        elif not mine:
            edited = True
            if own is None:
                own = {**copy.deepcopy(entry), "manager": field_manager, "operation": "Apply"}
            else:
                own["fieldsV1"] = _joined(own.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
    return [*kept, own] if edited and own is not None else None


def _is_taken_over(entry: dict[str, Any]) -> bool:
    manager, how = str(entry.get("manager")), entry.get("operation")
    return any(manager.startswith(one) and how == operation for one, operation in _TAKEN_OVER)


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _joined(one.get(key) or {}, other.get(key) or {}) for key in [*one, *(k for k in other if k not in one)]
    }


def without_ignored(inputs: Object, live: Object, field_manager: str, ignored: Sequence[str]) -> Object:
    """The inputs without the ignored fields that others alone own, and with the live value of the ones that are ours."""
    sent = copy.deepcopy(inputs)
    for path in ignored:
        steps = path.split(".")
        owners = {
            one.get("manager")
            for one in metadata(live).get("managedFields") or []
            if _owns(one.get("fieldsV1") or {}, steps)
        }
        parent = pluck(sent, *steps[:-1])
        if owners and field_manager not in owners:
            if isinstance(parent, dict):
                parent.pop(steps[-1], None)
        elif (value := pluck(live, *steps)) is not None and isinstance(parent, dict):
            parent[steps[-1]] = value
    return sent


def _owns(fields: dict[str, Any], steps: Sequence[str]) -> bool:
    for step in steps:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"] or {}
    return True
