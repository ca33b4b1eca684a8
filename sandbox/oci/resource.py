"""What every resource type of the cloud does; a type declares the rest (services/)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sandbox import paths
from sandbox.oci import check, diff, sdk
from sandbox.oci.cloud import Cloud, Record, new_id, now
from sandbox.oci.declare import Check, How, Inputs, Reference, Table
from sandbox.oci.errors import Problem, ServiceError, not_found
from sandbox.oci.sdk import Field, Object
from sandbox.oci.values import at, fill, join, merge
from sandbox.oci.wire import UNKNOWN, Properties

DEFAULTS = "__defaults"
"""The input in which pulumi-terraform-bridge lists which inputs are defaults. A refresh takes it away."""


class Resource:
    """A resource type: its declaration, and its life in the cloud.

    type: Pulumi's token for it; kind: the OCID's word; title: the cloud's word in messages; inputs: every input that the emulator does
    something with; defaults: those of the Terraform schema, by path; checks: of single values, by path; references: inputs that hold
    OCIDs.
    """

    type: ClassVar[str]
    kind: ClassVar[str]
    title: ClassVar[str]
    inputs: ClassVar[Inputs]
    defaults: ClassVar[Mapping[str, Any]] = Table({})
    checks: ClassVar[Mapping[str, Check]] = Table({})
    references: ClassVar[Mapping[str, Reference]] = Table({})

    # --- for a type to say ---------------------------------------------------------------------------------------------------------

    def problems(self, inputs: Properties) -> Iterator[Problem]:
        """What is wrong between inputs. They are well-typed; any may be unknown."""
        yield from ()

    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        """What the cloud fills in when it makes the resource. May refuse."""
        return {}

    def derived(self, properties: Properties) -> Properties:
        """The properties with those that follow from others put right, after every change."""
        return properties

    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        """Refuse what the cloud refuses when the resource becomes `record`; `before` is None when it is being made."""

    def plan(self, state: Properties, inputs: Properties) -> None:
        """Raise UnsupportedError for an update in place that the emulator cannot do: already in the preview."""

    def settle(self, cloud: Cloud, record: Record | None) -> None:
        """Carry a change out where it has an effect outside of the records. `record` is None when it is gone."""

    def alive(self, cloud: Cloud, record: Record) -> bool:
        """Whether what the record stands for is still there."""
        return True

    def forget(self, cloud: Cloud, record: Record) -> None:
        """Take away what is left of a resource that is gone. Called in a transaction."""
        cloud.drop(record)

    def seen(self, cloud: Cloud, record: Record) -> Properties:
        """The properties as they are now."""
        return record.properties

    # --- the same for all ----------------------------------------------------------------------------------------------------------

    @property
    def fields(self) -> Mapping[str, Field]:
        """The SDK's inputs."""
        return sdk.inputs(self.type)

    def outputs(self, record: Record) -> Properties:
        """What the SDK has of the record's properties."""
        known = sdk.outputs(self.type)
        return {name: value for name, value in record.properties.items() if name in known}

    def checked(self, inputs: Properties, known: Properties | None = None) -> tuple[Properties, list[Problem]]:
        """The inputs with defaults, and what is wrong with them. known: the inputs in the state."""
        found = list(check.typed(inputs, self.fields))
        if not found:
            found = list(check.undone(inputs, self.fields, self.inputs))
        if not found:
            inputs = fill(inputs, self._defaults(known or {}))
            found = list(check.each(inputs, self.checks)) or list(self.problems(inputs))
        return inputs, found

    def changes(self, state: Properties, inputs: Properties) -> list[diff.Change]:
        """What is to be done to get from the state to the inputs."""
        return diff.changes(state, inputs, self.fields, self.inputs)

    def given(self, state: Properties, inputs: Properties) -> Properties:
        """The inputs that describe the state."""
        return diff.as_given(state, inputs, self.fields, self.inputs)

    def preview(self, inputs: Properties) -> Properties:
        """The outputs as far as they are known before the resource is made: what is given. Terraform's plan knows no more either."""
        return {**dict.fromkeys(sdk.outputs(self.type), UNKNOWN), **self._preview(inputs, self.fields, "")}

    def updated(self, state: Properties, inputs: Properties) -> Properties:
        """The properties after an update in place: inputs over the state, without what was taken out of the inputs."""
        return self.derived(self._overlay(state, inputs, self.fields, ""))

    def create(self, cloud: Cloud, inputs: Properties) -> Record:
        """Make it."""
        with cloud.transaction():
            record = self.draft(cloud, self.new_id(inputs), inputs)
            cloud.put(record)
            try:
                self.settle(cloud, record)
            except BaseException:
                cloud.drop(record)
                raise
            return record

    def draft(self, cloud: Cloud, id: str, inputs: Properties) -> Record:
        """The record of a new resource, not yet written. Refuses what the cloud refuses."""
        record = Record(id, self.kind, inputs)
        self._review(cloud, record, None)
        common = {
            "definedTags": {},
            "freeformTags": {},
            "displayName": f"{self.kind}{now()[:19]}".translate({32: None, 45: None, 58: None}),
        }
        common |= {"state": "AVAILABLE", "timeCreated": now()}
        known = {name: value for name, value in common.items() if name in sdk.outputs(self.type)}
        return record.with_properties(**self.derived(merge(known | self.computed(cloud, inputs), inputs)))

    def read(self, cloud: Cloud, id: str) -> Record | None:
        """The resource as it is now; None when it is gone. Writes nothing."""
        record = cloud.get(self.kind, id)
        if record is None or not self.alive(cloud, record):
            return None
        return record.with_properties(**self.seen(cloud, record))

    def update(self, cloud: Cloud, id: str, inputs: Properties) -> Record:
        """Change it in place."""
        with cloud.transaction():
            before = cloud.require(id, self.kind)
            after = Record(
                before.id, before.kind, self.updated(before.properties, inputs), before.private, before.owner
            )
            self._review(cloud, after, before)
            cloud.put(after)
            try:
                self.settle(cloud, after)
            except BaseException:
                cloud.put(before)
                raise
            return cloud.get(self.kind, id) or after

    def delete(self, cloud: Cloud, id: str) -> None:
        """Delete it; content when it is gone already. Refuses while something else uses it."""
        with cloud.transaction():
            record = cloud.get(self.kind, id)
            if record is None:
                return
            self.refuse_while_used(cloud, record)
            cloud.drop(record)
            try:
                self.settle(cloud, None)
            except BaseException:
                cloud.put(record)
                raise

    def refuse_while_used(self, cloud: Cloud, record: Record) -> None:
        """Raise the cloud's refusal to delete what another resource refers to. What only seems to be there is buried on the way."""
        owned = {other.id for other in cloud.everything() if other.owner == record.id} | {record.id}
        for other in cloud.everything():
            kind = cloud.kinds[other.kind]
            for path, reference in kind.references.items():
                held = owned.intersection(at(other.properties, path))
                if not held or not reference.blocks or other.id in owned:
                    continue
                if not kind.alive(cloud, other):
                    kind.forget(cloud, other)
                    break
                words = {"target": record.id, "target_title": self.title}
                holder = {"holder": other.private.get("vnicId", other.id), "holder_title": kind.title}
                raise ServiceError(409, reference.code, reference.refusal.format(**words, **holder))

    def new_id(self, inputs: Properties) -> str:
        """An id for a new resource."""
        return new_id(self.kind)

    def _defaults(self, known: Properties) -> Mapping[str, Any]:
        """The defaults. Where an input was one before, or a refresh found it, its value in the state is the default.

        source: pulumi-terraform-bridge, pkg/tfbridge/schema.go, applyDefaults.
        """
        kept = known.get(DEFAULTS, self.defaults)
        found = {path: at(known, path) for path in self.defaults if path in kept}
        return {path: values[0] if (values := found.get(path)) else value for path, value in self.defaults.items()}

    def _review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        compartment = record.properties.get("compartmentId", paths.TENANCY_OCID)
        if compartment != paths.TENANCY_OCID:
            raise not_found(f"compartment {compartment}")
        for path, reference in self.references.items():
            for id in at(record.properties, path):
                cloud.require(id, *reference.kinds)
        self.review(cloud, record, before)

    def _overlay(self, state: Properties, inputs: Properties, fields: Mapping[str, Field], place: str) -> Properties:
        result = dict(state)
        for name, field in fields.items():
            here = join(place, name)
            if name in inputs:
                below, value = state.get(name), inputs[name]
                nested = isinstance(field.type, Object) and isinstance(value, dict) and isinstance(below, dict)
                result[name] = self._overlay(below, value, field.type.fields, here) if nested else value  # type: ignore[arg-type, union-attr]
            elif self.inputs.knows(here) and not self.inputs.how(here) & How.KEEP:
                result.pop(name, None)
        return result

    def _preview(self, given: Properties, fields: Mapping[str, Field], place: str) -> Properties:
        result: Properties = {}
        for name, field in fields.items():
            here = join(place, name)
            if name in given:
                value = given[name]
                nested = isinstance(field.type, Object) and isinstance(value, dict)
                result[name] = self._preview(value, field.type.fields, here) if nested else value  # type: ignore[union-attr]
            elif place and self.inputs.how(here) & How.KEEP and self.inputs.knows(here):
                result[name] = UNKNOWN
        return result
