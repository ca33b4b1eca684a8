"""Artifacts: repositories of the container registry.

Inputs as in artifacts_container_repository_resource.go. The images are in the sandbox's registry, which lets anyone with a login push
anywhere; the record is what OCIR's repository is beside its images. Deleting it deletes them (source: OCI documentation, "Deleting an
Image Repository"). Immutable repositories are not done: the registry would not refuse to overwrite a tag.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from sandbox import paths
from sandbox.oci import checks
from sandbox.oci.cloud import Cloud, Record, new_id
from sandbox.oci.declare import KEEP, REPLACE, TAGS, UPDATE, Inputs, Table
from sandbox.oci.errors import conflict
from sandbox.oci.function import Function
from sandbox.oci.resource import Resource
from sandbox.oci.wire import Properties


def _mutable(value: Any) -> str | None:
    return "must be false: immutable repositories are not supported by the sandbox's Oracle Cloud" if value else None


class ContainerRepository(Resource):
    """A repository of images."""

    type = "oci:Artifacts/containerRepository:ContainerRepository"
    kind = "containerrepo"
    title = "ContainerRepository"
    inputs = Inputs(
        {
            **TAGS,
            "compartmentId": UPDATE,
            "displayName": REPLACE,
            "isImmutable": KEEP,
            "isPublic": KEEP,
            "readme.content": UPDATE,
            "readme.format": UPDATE,
            "readme": KEEP,
        }
    )
    checks = Table(
        {
            # source: OCI documentation, "Creating a Repository"; the separators are those of the registry protocol (OCI distribution-spec).
            "displayName": checks.matches(
                r"(?=.{1,255}$)[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
                "lower-case letters and digits, separated by . _ - or /, at most 255 characters",
            ),
            "isImmutable": _mutable,
            "readme.format": checks.one_of("TEXT_PLAIN", "TEXT_MARKDOWN", any_case=True),
        }
    )

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        flags = {"isImmutable": False, "isPublic": False}
        sizes = {"imageCount": 0, "layerCount": 0, "layersSizeInBytes": "0", "billableSizeInGbs": "0"}
        return {
            **flags,
            **sizes,
            "namespace": paths.NAMESPACE,
            "createdBy": paths.USER_OCID,
            "systemTags": {},
        }

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        name = record.properties["displayName"]
        for other in cloud.all(self.kind):
            if other.id != record.id and other.properties["displayName"] == name:
                raise conflict(f"Repository already exists: {name} ({other.id}); names are unique in the tenancy.")

    @override
    def delete(self, cloud: Cloud, id: str) -> None:
        with cloud.transaction():
            if record := cloud.get(self.kind, id):
                cloud.host.registry.delete_repository(record.properties["namespace"], record.properties["displayName"])
                cloud.drop(record)

    @override
    def new_id(self, inputs: Properties) -> str:
        return new_id(self.kind).replace(f"{paths.REGION}.", f"{paths.REGION}.0.{paths.NAMESPACE}.")


def _get_container_repository(cloud: Cloud, arguments: Properties) -> Properties:
    record = cloud.require(arguments["repositoryId"], "containerrepo")
    readme = record.properties.get("readme")
    shown = {name: value for name, value in record.properties.items() if name != "readme"}
    return {**shown, "readmes": [readme] if readme else [], "id": record.id}


RESOURCES: tuple[Resource, ...] = (ContainerRepository(),)
FUNCTIONS = (Function("oci:Artifacts/getContainerRepository:getContainerRepository", _get_container_repository),)
