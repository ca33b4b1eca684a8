"""Types such as DefaultSecurityList: not made but taken over from the VCN, and emptied instead of deleted.

source: core_security_list_default_resource.go: Create sets the id to manage_default_resource_id and updates; Delete clears the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.declare import KEEP, REPLACE, Inputs
from sandbox.oci.errors import not_found
from sandbox.oci.resource import Resource
from sandbox.oci.wire import Properties


def taken_over(inputs: Inputs) -> Inputs:
    """The inputs of a type whose resources are taken over, from those of the type that is made."""
    rest = {name: how for name, how in inputs.declared.items() if name != "vcnId"}
    return Inputs({**rest, "compartmentId": KEEP, "manageDefaultResourceId": REPLACE})


class Default(Resource):
    """To be mixed into the type of what is taken over. emptied: the properties that are left when the resource is deleted."""

    emptied: ClassVar[Mapping[str, Any]]

    @override
    def create(self, cloud: Cloud, inputs: Properties) -> Record:
        record = cloud.get(self.kind, inputs["manageDefaultResourceId"])
        if record is None or not record.owner:
            raise not_found(f"default {self.kind} {inputs['manageDefaultResourceId']}")
        return self.update(cloud, record.id, inputs)

    @override
    def delete(self, cloud: Cloud, id: str) -> None:
        with cloud.transaction():
            record = cloud.get(self.kind, id)
            if record:
                cloud.put(record.with_properties(**self.emptied))
                self.settle(cloud, record)
