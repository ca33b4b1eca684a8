"""The app on the instance: one remote command over SSH which makes podman run the image.

Owns the container, its unit, its secrets and its folder's ownership on the instance; never the data in the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_command as command

from components.instance import Instance
from components.network import Network
from components.registry import Registry
from specs import podman, podman_deploy
from specs.ssh import REMOTE_USER, HostKey


@dataclass(frozen=True)
class PodmanAppArgs:
    """instance, network, registry: where it runs, how it is reached, the registry; image: reference by digest;
    private_key, host_key: of the SSH connection; secret_files: file name to content (secret); the rest as in
    `specs.podman.ContainerSpec`.
    """

    instance: Instance
    network: Network
    registry: Registry
    image: pulumi.Input[str]
    private_key: pulumi.Input[str]
    host_key: HostKey
    port: int
    environment: Mapping[str, str]
    secret_files: Mapping[str, str]
    data_path: str
    health_path: str
    user_id: int
    memory_gb: int


class PodmanApp(pulumi.ComponentResource):
    """The running app; there once it has answered its health check."""

    def __init__(self, name: str, args: PodmanAppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:podman_app:PodmanApp", name, None, opts)
        secret_names = sorted(args.secret_files)

        def deploy(image: str, registry_user: str, instance_id: str) -> str:
            spec = podman.ContainerSpec(
                name=name,
                image=image,
                port=args.port,
                environment=args.environment,
                secret_names=secret_names,
                data_path=args.data_path,
                health_path=args.health_path,
                user_id=args.user_id,
                memory_gb=args.memory_gb,
            )
            return podman_deploy.as_root(
                podman_deploy.deploy_script(spec, args.registry.host, registry_user, instance_id)
            )

        command.remote.Command(
            f"{name}-podman",
            connection=command.remote.ConnectionArgs(
                host=args.instance.address,
                user=REMOTE_USER,
                private_key=pulumi.Output.secret(args.private_key),
                host_key=args.host_key.public,
                # A new instance takes minutes until its sshd answers; a refused dial is tried again after a second.
                dial_error_limit=120,
                per_dial_timeout=5,
            ),
            create=pulumi.Output.all(args.image, args.registry.username, args.instance.resource.id).apply(
                lambda known: deploy(*known)
            ),
            stdin=args.registry.token.apply(lambda token: podman_deploy.deploy_input(token, args.secret_files)),
            delete=podman_deploy.as_root(podman_deploy.remove_script(name)),
            # sshd accepts no environment, and the output of the last run is of no use to the next.
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The network's rules have to be there before the connection.
                depends_on=[args.instance.attachment, args.network],
                # A replaced instance is first left in order, by `delete` on the old one. Not by `triggers`: when a
                # machine was deleted by hand and is made anew there is no host left to run `delete` on, and the
                # command just runs again.
                replace_with=[args.instance.resource, args.instance.attachment],
                # When the machine goes for good, the container goes with it. The component, not the instance in it: a
                # refresh which finds the machine gone drops the instance from the state, and with it this relation.
                deleted_with=args.instance,
                custom_timeouts=pulumi.CustomTimeouts(create="45m", update="45m", delete="10m"),
            ),
        )
        self.register_outputs({})
