"""The container registry: a repository in OCIR and the login with which images are pushed and pulled.

Owns the repository. The auth token belongs to the person and comes from the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_oci as oci


@dataclass(frozen=True)
class RegistryArgs:
    """compartment_id: OCID; host: of the registry; repository: its name, unique in the tenancy; tags: freeform; user_ocid: whose
    name the login bears when `username` ("<user>" or "<domain>/<user>") is ""; token: auth token (secret);
    retain_images: keep the repository on destroy.
    """

    compartment_id: pulumi.Input[str]
    host: str
    repository: str
    tags: Mapping[str, str]
    username: str
    user_ocid: str
    token: pulumi.Input[str]
    retain_images: bool = False
    repository_id: str = ""


class Registry(pulumi.ComponentResource):
    """host; username: for a login, "<namespace>/<user>"; token: secret; repository_url:
    "<host>/<namespace>/<repository>", known only once the repository exists, so that nothing is pushed before (OCIR
    would make one in the root compartment).
    """

    host: str
    username: pulumi.Output[str]
    token: pulumi.Output[str]
    repository_url: pulumi.Output[str]
    repository_id: pulumi.Output[str]

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:registry:Registry", name, None, opts)
        repository = oci.artifacts.ContainerRepository(
            f"{name}-repository",
            compartment_id=args.compartment_id,
            display_name=args.repository,
            is_public=False,
            freeform_tags=args.tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=args.retain_images,
                # The engine imports it, then brings it to these inputs, the tags among them.
                import_=args.repository_id or None,
            ),
        )
        invoke = pulumi.InvokeOutputOptions(parent=self)
        namespace = oci.objectstorage.get_namespace_output(compartment_id=args.compartment_id, opts=invoke).namespace
        user: pulumi.Input[str] = args.username
        if not args.username:
            user = oci.identity.get_user_output(user_id=args.user_ocid, opts=invoke).name
        self.host = args.host
        self.repository_id = repository.id
        self.username = pulumi.Output.concat(namespace, "/", user)
        self.token = pulumi.Output.secret(args.token)
        self.repository_url = pulumi.Output.concat(args.host, "/", namespace, "/", repository.display_name)
        self.register_outputs({"username": self.username, "repository_url": self.repository_url})
