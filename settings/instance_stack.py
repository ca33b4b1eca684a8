"""A stack of target instance: the app on one machine, reached by SSH."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from settings.instance import InstanceSettings
from settings.stack import KEPT_VOLUME, Stack
from specs import cloud_config, podman, ssh
from specs.network import NetworkSpec, instance_network


class InstanceStack(Stack):
    """The configuration of a stack with an instance."""

    RESERVED_GB = 2

    instance: InstanceSettings

    def problems(self) -> Iterable[str]:
        """Errors of keys together."""
        yield from super().problems()
        yield from self.platform_errors("instance")
        yield from self.memory_errors("the instance", self.machine.memory_in_gbs - 1, "the system 1 GB")
        yield from self.instance.network_problems(self.network.vcn)

    @property
    def network_spec(self) -> NetworkSpec:
        """The instance's network."""
        own = self.instance
        return instance_network(self.network.vcn_cidr, own.subnet_cidr, own.ssh_networks, own.subnet_id)

    @cached_property
    def host_key(self) -> ssh.HostKey:
        """The instance's host key, the same in every run."""
        return ssh.host_key(self.instance.ssh_key.seed, self.full_name, self.instance.host_key_generation)

    @property
    def user_data(self) -> str:
        """cloud-init user data in base64 (secret: it holds the host key)."""
        return cloud_config.encode(cloud_config.cloud_config(self.host_key))

    @property
    def data_folder(self) -> str:
        """The app's folder on the data volume, as the instance sees it."""
        return podman.data_folder(self.app.name)

    @property
    def retained(self) -> str:
        """What stays when the stack is destroyed, and what to do with it; "" for nothing."""
        return KEPT_VOLUME if self.instance.retain_data else ""

    def tunnel_command(self, address: str) -> str:
        """The ssh command of the tunnel."""
        return ssh.tunnel_command(address, self.instance.ssh_private_key_file, self.host_key.public, self.app.port)

    def ssh_command(self, address: str) -> str:
        """The ssh command of a shell on the instance."""
        return ssh.connect_command(address, self.instance.ssh_private_key_file, self.host_key.public)
