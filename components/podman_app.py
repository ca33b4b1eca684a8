"""The app on the instance: one remote command over SSH which makes podman run the image.

Owns the container, its unit, its secrets and its folder's ownership on the instance; never the data in the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_command as command

from components.instance import Instance
from components.network import Network
from components.registry import Registry
from specs import podman_deploy
from specs.container import ContainerSpec
from specs.ssh import REMOTE_USER, HostKey, SshKey


@dataclass(frozen=True)
class PodmanAppArgs:
    """What the app on the instance is made of."""

    instance: Instance
    # How the instance is reached.
    network: Network
    registry: Registry
    # Reference by digest.
    image: pulumi.Input[str]
    container: ContainerSpec
    # Of the SSH connection.
    ssh_key: SshKey
    host_key: HostKey
    # Name to content.
    secret_files: Mapping[str, str] = field(repr=False)


class PodmanApp(pulumi.ComponentResource):
    """The running app; there once it has answered its health check."""

    def __init__(self, name: str, args: PodmanAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:podman_app:PodmanApp", name, None, opts)

        def deploy(image: str, registry_user: str, instance_id: str) -> str:
            return podman_deploy.as_root(
                podman_deploy.deploy_script(args.container, image, args.registry.host, registry_user, instance_id)
            )

        command.remote.Command(
            f"{name}-podman",
            connection=command.remote.ConnectionArgs(
                host=args.instance.address,
                user=REMOTE_USER,
                private_key=pulumi.Output.secret(args.ssh_key.private),
                host_key=args.host_key.public,
                # A new instance takes minutes until its sshd answers; a refused dial is tried again after a second.
                dial_error_limit=120,
                per_dial_timeout=5,
            ),
            create=pulumi.Output.all(args.image, args.registry.username, args.instance.resource.id).apply(
                lambda values: deploy(*values)
            ),
            stdin=args.registry.token.apply(lambda token: podman_deploy.deploy_input(token, args.secret_files)),
            delete=podman_deploy.as_root(podman_deploy.remove_script(name)),
            # sshd accepts no environment, and the output of the last run is of no use to the next.
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The network's rules have to be there before the connection.
                depends_on=[args.instance.attachment, args.network],
                # `delete` runs on the old instance before it is replaced. Not by `triggers`: if someone deleted the machine by hand,
                # there is no host left to run `delete` on, and the command must only run again.
                replace_with=[args.instance.resource, args.instance.attachment],
                # If the machine is deleted, the container goes with it. The component, not the instance in it: a refresh that finds
                # the machine gone drops the instance from the state, and this relation with it.
                deleted_with=args.instance,
                custom_timeouts=pulumi.CustomTimeouts(create="45m", update="45m", delete="10m"),
            ),
        )
        self.register_outputs({})
