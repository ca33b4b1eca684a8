"""Oracle's console: changes resources of a stack in the sandbox's cloud by hand, without Pulumi."""

from __future__ import annotations

from typing import Any

from sandbox.oci.catalogue import RESOURCES, cloud
from sandbox.oci.cloud import Record
from sandbox.oci.values import merge
from tests.support.stack import Stack


class Console:
    """Changes resources by their names in the program, with the provider's own checks and effects."""

    def __init__(self, stack: Stack) -> None:
        self._cloud = cloud()
        resources = stack.export()["deployment"]["resources"]
        self._known = {one["urn"].rpartition("::")[2]: one for one in resources if "id" in one}

    def id(self, name: str) -> str:
        """The OCID of a resource."""
        return str(self._known[name]["id"])

    def change(self, name: str, /, **properties: Any) -> None:
        """Set properties of an existing resource. Their names are those of the state."""
        resource = RESOURCES[self._known[name]["type"]]
        record = self._cloud.require(self.id(name), resource.kind)
        given = resource.given(record.properties, self._known[name]["inputs"])
        resource.update(self._cloud, record.id, merge(given, properties))

    def delete(self, name: str) -> None:
        """Delete a resource."""
        RESOURCES[self._known[name]["type"]].delete(self._cloud, self.id(name))

    def add(self, type: str, **inputs: Any) -> Record:
        """Create a resource of this type, such as "oci:Core/volume:Volume", outside of the stack."""
        checked, problems = RESOURCES[type].checked(inputs)
        assert not problems, problems
        return RESOURCES[type].create(self._cloud, checked)

    def take_back(self, record: Record) -> None:
        """Delete a resource that `add` created."""
        self._cloud.kinds[record.kind].delete(self._cloud, record.id)
