"""The provider as the engine sees it, request by request, in plain values of the engine's protocol.

Semantics: pulumi-kubernetes, provider/pkg/provider/provider.go; each method is that of the same name there. What is left out is in
README.md.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.kubernetes_provider import apply, names, settings, waiting, wire
from sandbox.kubernetes_provider import inputs as resource_inputs
from sandbox.kubernetes_provider.connection import FORGETTING, GONE_HINT, Connection, connect, strict_mode
from sandbox.kubernetes_provider.diff import Diff, changes, comparable, is_ignored
from sandbox.kubernetes_provider.errors import (
    ApiError,
    NoMatchError,
    PartialError,
    ProviderError,
    WaitError,
    has_reason,
    is_not_found,
)
from sandbox.kubernetes_provider.normalize import normalized, pruned
from sandbox.kubernetes_provider.objects import (
    Kind,
    Object,
    fq_name,
    has_unknowns,
    metadata,
    name,
    namespace,
    notes,
    parse_fq_name,
    with_metadata,
)
from sandbox.kubernetes_provider.operation import Log, Operation
from sandbox.kubernetes_provider.replacement import replacing
from sandbox.kubernetes_provider.resource_types import kind_of
from sandbox.kubernetes_provider.wire import Properties


@dataclass(frozen=True)
class Found:
    """What `read` found."""

    id: str
    state: Properties
    inputs: Properties


class KubernetesProvider:
    """Objects in one cluster. Keeps nothing itself: all that a later run needs is in the stack's state."""

    def __init__(self, log: Callable[[str], Log]) -> None:
        """log: gives the log of the resource with a URN."""
        self._log = log
        self._cancelled = threading.Event()
        self._settings = settings.Settings()
        self._connection = Connection(None, "the provider is not configured", "")

    def cancel(self) -> None:
        """Ends all waiting."""
        self._cancelled.set()

    # --- configuration -------------------------------------------------------------------------------------------------------------

    def check_config(self, urn: str, news: Properties) -> list[tuple[str, str]]:
        """What is wrong with the provider's properties."""
        given = wire.to_object(news)
        strict = strict_mode(json.loads(os.environ.get("PULUMI_CONFIG") or "{}"), given)
        return settings.check(
            given, strict and "::pulumi:providers:" in urn, urn.rpartition("::")[2].startswith("default")
        )

    def diff_config(self, olds: Properties, news: Properties) -> settings.ConfigDiff:
        """What differs between two configurations, and whether that is another cluster."""
        return settings.diff(wire.to_object(olds), wire.to_object(news))

    def configure(self, variables: dict[str, str]) -> None:
        """Takes the configuration and looks for the cluster."""
        self._settings = settings.read(variables)
        self._connection = connect(self._settings)

    # --- resources -----------------------------------------------------------------------------------------------------------------

    def check(
        self, urn: str, olds: Properties, news: Properties, seed: bytes, autonaming: names.Autonaming | None
    ) -> tuple[Properties, list[str]]:
        """The inputs, named and with their namespace, and what is wrong with them."""
        if self._connection.cluster is None and self._settings.skip_update_unreachable:
            self._log(urn).warning("Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...")
            return olds, []
        given = wire.to_object(news)
        if found := resource_inputs.problems_of(urn, given):
            return news, found
        for note in notes(given):
            if note.startswith(names.AUTONAMED):
                self._log(urn).warning(f'ignoring user-specified value for internal annotation "{note}"')
        inputs = resource_inputs.named(urn, given, wire.to_object(olds), seed, autonaming)
        default = self._connection.namespace
        unset = "namespace" not in metadata(inputs) and isinstance(inputs["metadata"], dict)
        if default and unset and self._connection.namespaced(kind_of(urn)):
            inputs = with_metadata(inputs, namespace=default)
        return wire.like(wire.from_object(inputs), news), []

    def diff(self, urn: str, olds: Properties, news: Properties, ignored: Sequence[str]) -> Diff:
        """What differs between the state and the inputs."""
        kind_of(urn)
        old_inputs, live = wire.parse_checkpoint(olds)
        new = normalized(wire.to_object(news))
        if names.is_true(new, names.REPLACE_UNREADY):
            self._log(urn).warning("replaceUnready annotation is not supported for this resource")
        paths = replacing(new, self._settings.secret_mutable, self._settings.config_map_mutable)
        old, new = comparable(normalized(old_inputs), live, new, self._connection.namespaced(Kind.of(new)))
        found = [change for change in changes(old, new, paths) if not is_ignored(change.place, ignored)]
        same_name = names.is_named(new) and not names.is_true(new, names.AUTONAMED) and name(new) == name(live)
        same_place = namespace(new) == namespace(live)
        return Diff(found, any(change.replaces for change in found) and same_name and same_place)

    def create(self, urn: str, news: Properties, timeout: float, preview: bool) -> tuple[str, Properties]:
        """Makes the object and waits until it is ready; in a preview the API server only tells what it would make."""
        kind_of(urn)
        inputs = wire.to_object(news)
        if preview and (has_unknowns(inputs) or not self._connection.has(Kind.of(inputs))):
            return "", news
        operation = self._operation(urn, preview)
        manager = names.field_manager(None, inputs)
        try:
            made = apply.create(operation, inputs, manager)
        except (ApiError, NoMatchError, apply.AlreadyExistsError, apply.NamespaceMissingError) as error:
            if preview and _no_dry_run(error):
                return "", news
            if isinstance(error, NoMatchError):
                raise ProviderError(
                    f'creation of resource "{urn}" with kind {Kind.of(inputs)} failed because the Kubernetes API server reported '
                    f"that the apiVersion for this resource does not exist. Verify that any required CRDs have been created: {error}"
                ) from None
            raise ProviderError(
                f'resource "{urn}" was not successfully created by the Kubernetes API server: {error}'
            ) from None
        operation.log.status("")
        if preview:
            made.pop("status", None)
            return "", wire.checkpoint(inputs, made, news, inputs["apiVersion"], manager)
        try:
            made = waiting.until_ready(operation, inputs, made, None, names.timeout(timeout, inputs))
        except (WaitError, ApiError) as error:
            made = error.last if isinstance(error, WaitError) else made
            raise PartialError(
                f'resource "{urn}" was successfully created, but the Kubernetes API server reported that it failed to fully '
                f"initialize or become live: {error}",
                fq_name(made),
                wire.checkpoint(inputs, made, news, inputs["apiVersion"], manager),
                reasons=getattr(error, "reasons", ()),
            ) from None
        return fq_name(made), wire.checkpoint(inputs, made, news, inputs["apiVersion"], manager)

    def update(
        self, urn: str, olds: Properties, news: Properties, timeout: float, preview: bool, ignored: Sequence[str]
    ) -> Properties:
        """Changes the object and waits until it is ready; in a preview the API server only tells what it would become."""
        kind_of(urn)
        inputs = normalized(wire.to_object(news))
        if preview and (has_unknowns(inputs) or not self._connection.has(Kind.of(inputs))):
            return news
        operation = self._operation(urn, preview)
        old_inputs, old_live = wire.parse_checkpoint(olds)
        known = olds.get(wire.FIELD_MANAGER)
        known_name = str(known.value) if known is not None else None
        old_manager, manager = names.field_manager(known_name, old_inputs), names.field_manager(known_name, inputs)
        version = (
            str(olds[wire.INITIAL_API_VERSION].value) if wire.INITIAL_API_VERSION in olds else inputs["apiVersion"]
        )
        try:
            before, live = apply.update(operation, inputs, name(old_live), manager, ignored)
            if not preview:
                operation.log.status("")
                live = waiting.until_ready(operation, inputs, live, before, names.timeout(timeout, inputs))
        except ProviderError as error:
            if preview and has_reason(error, "Forbidden"):
                return news
            live = self._after_failure(operation, urn, old_live, error)
            raise PartialError(
                f'the Kubernetes API server reported that "{fq_name(live)}" failed to fully initialize or become live: {error}',
                fq_name(live),
                wire.checkpoint(inputs, live, news, version, manager),
                reasons=getattr(error, "reasons", ()),
            ) from None
        if not preview and old_manager != manager:
            apply.relinquish(operation, live, old_manager)
        return wire.checkpoint(inputs, live, news, version, manager)

    def read(self, urn: str, resource_id: str, state: Properties, inputs: Properties) -> Found | None:
        """What the object is now; None when it is gone. Without a state it is an import."""
        log = self._log(urn)
        if self._connection.cluster is None:
            log.warning(f"configured Kubernetes cluster is unreachable: {self._connection.reason}")
            if self._settings.delete_unreachable:
                log.info(FORGETTING)
                return None
            if self._settings.skip_update_unreachable:
                return Found(resource_id, state, inputs)
            raise ProviderError(f"failed to read resource state due to unreachable cluster. {GONE_HINT}")
        kind = kind_of(urn)
        space, object_name = parse_fq_name(resource_id)
        if not object_name:
            raise ProviderError(
                f"failed to read resource because of a failure to parse resource name from request ID: {resource_id}"
            )
        old_inputs = normalized(wire.to_object(inputs))
        _, old_live = wire.parse_checkpoint(state)
        imported = not old_inputs.get("kind") and not old_live.get("kind")
        known = Kind.of(old_inputs) if old_inputs.get("kind") else (kind if imported else Kind.of(old_live))
        operation = self._operation(urn, preview=False)
        manager = names.field_manager(
            str(state[wire.FIELD_MANAGER].value) if wire.FIELD_MANAGER in state else None, old_inputs
        )
        try:
            live = operation.cluster.get(known, namespace(old_inputs) or space, object_name)
        except (ApiError, NoMatchError) as error:
            if is_not_found(error) or isinstance(error, NoMatchError):
                return None
            raise
        shown = resource_inputs.imported(urn, live) if imported else pruned(live, old_inputs)
        version = str(state[wire.INITIAL_API_VERSION].value) if wire.INITIAL_API_VERSION in state else known.api_version
        found = Found(
            resource_id or fq_name(live),
            wire.checkpoint(shown, live, inputs, version, manager),
            wire.like(wire.from_object(shown), inputs),
        )
        if not imported:
            try:
                waiting.read_ready(operation, old_inputs, live)
            except WaitError as error:
                raise PartialError(str(error), found.id, found.state, found.inputs, error.reasons) from None
        return found

    def delete(self, urn: str, resource_id: str, state: Properties, timeout: float) -> None:
        """Deletes the object and waits until it is gone; content when it is gone already."""
        log = self._log(urn)
        if self._connection.cluster is None:
            log.warning(f"configured Kubernetes cluster is unreachable: {self._connection.reason}")
            if self._settings.delete_unreachable:
                log.info(FORGETTING)
                return
            raise ProviderError(f"configured Kubernetes cluster is unreachable. {GONE_HINT}")
        operation = self._operation(urn, preview=False)
        inputs, live = wire.parse_checkpoint(state)
        try:
            operation.cluster.delete(live, parse_fq_name(resource_id)[1], names.propagation(inputs))
            waiting.until_deleted(operation, inputs, live, names.timeout(timeout, inputs))
        except (ApiError, NoMatchError) as error:
            if not is_not_found(error) and not isinstance(error, NoMatchError):
                raise
        except WaitError as error:
            manager = str(state[wire.FIELD_MANAGER].value) if wire.FIELD_MANAGER in state else ""
            left = wire.checkpoint(inputs, error.last, state, inputs.get("apiVersion", ""), manager)
            raise PartialError(str(error), fq_name(error.last), left) from None
        operation.log.status("")

    # -------------------------------------------------------------------------------------------------------------------------------

    def _operation(self, urn: str, preview: bool) -> Operation:
        if self._connection.cluster is None:
            raise ProviderError(f"configured Kubernetes cluster is unreachable: {self._connection.reason}")
        return Operation(
            self._connection.cluster,
            self._log(urn),
            self._cancelled,
            patch_force=self._settings.patch_force,
            upsert=self._settings.upsert,
            preview=preview,
        )

    def _after_failure(self, operation: Operation, urn: str, old_live: Object, error: ProviderError) -> Object:
        """The object as it is. As there, whatever the reason: a refused update is in the state with its error."""
        if isinstance(error, WaitError):
            return error.last
        try:
            return operation.cluster.get(Kind.of(old_live), namespace(old_live), name(old_live))
        except ProviderError as second:
            raise ProviderError(
                f'update of resource "{urn}" failed: {error}\nunable to get cluster state: {second}'
            ) from None


def _no_dry_run(error: Exception) -> bool:
    """Whether a preview goes on without the API server's word."""
    return has_reason(error, "Forbidden") or isinstance(error, apply.AlreadyExistsError | apply.NamespaceMissingError)
