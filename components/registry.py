"""The container registry: a repository in OCIR and the login with which images are pushed and pulled.

Owns the repository. The auth token belongs to the person and comes from the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_oci as oci

from settings.registry import RegistrySettings
from specs.scope import Scope


@dataclass(frozen=True)
class RegistryArgs:
    """What the registry is made of. The repository is called like the scope, which is unique in the tenancy."""

    scope: Scope
    registry: RegistrySettings
    host: str
    # OCID of the user of the login if `registry.registry_username` is "".
    user_ocid: str


class Registry(pulumi.ComponentResource):
    """host; retain_images: keep the images on destroy; username: for a login, "<namespace>/<user>"; token: secret; repository_url:
    "<host>/<namespace>/<repository>", known only once the repository exists: a push before that would make OCIR create one in the root
    compartment.
    """

    host: str
    username: pulumi.Output[str]
    token: pulumi.Output[str]
    repository_url: pulumi.Output[str]
    repository_id: pulumi.Output[str]
    retain_images: bool

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:registry:Registry", name, None, opts)
        repository = oci.artifacts.ContainerRepository(
            f"{name}-repository",
            compartment_id=args.scope.compartment_id,
            display_name=args.scope.display_name,
            is_public=False,
            freeform_tags=args.scope.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=args.registry.retain_images,
                # The engine imports it, then brings it to these inputs, the tags among them.
                import_=args.registry.repository_id or None,
            ),
        )
        invoke = pulumi.InvokeOutputOptions(parent=self)
        namespace = oci.objectstorage.get_namespace_output(
            compartment_id=args.scope.compartment_id, opts=invoke
        ).namespace
        user: pulumi.Input[str] = args.registry.registry_username
        if not args.registry.registry_username:
            user = oci.identity.get_user_output(user_id=args.user_ocid, opts=invoke).name
        self.host, self.retain_images = args.host, args.registry.retain_images
        self.repository_id = repository.id
        self.username = pulumi.Output.concat(namespace, "/", user)
        self.token = pulumi.Output.secret(args.registry.registry_token)
        self.repository_url = pulumi.Output.concat(args.host, "/", namespace, "/", repository.display_name)
        self.register_outputs({"username": self.username, "repository_url": self.repository_url})
