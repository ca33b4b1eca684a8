"""Keys and rules of target instance: the app on one machine, reached by SSH."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, Json

from settings import rules
from settings.app import KEPT_VOLUME, AppSettings, Cidr, LocalPath, Network
from specs import podman, ssh
from specs.checks import PODMAN_NETWORK, overlap
from specs.complaints import complaint, place_in
from specs.network import NetworkSpec, instance_network

NEW_KEY = ("ssh-keygen -t ed25519 -N '' -f ~/.ssh/oci_app", "pulumi config set sshPrivateKeyFile '~/.ssh/oci_app'")


class InstanceSettings(AppSettings):
    """What a stack with an instance is made of."""

    target: Literal["instance"]
    ssh_networks: Json[list[Network]]
    ssh_private_key_file: LocalPath = Field(min_length=1)
    host_key_generation: int = Field(ge=1)
    subnet_cidr: Cidr
    subnet_id: Annotated[str, Field(pattern=r"^(ocid1\.subnet\.[A-Za-z0-9.-]+)?$")]
    assign_public_ip: bool
    operating_system_version: str = Field(pattern=r"^(8|9|10)$")
    image_id: Annotated[str, Field(pattern=r"^(ocid1\.image\.[A-Za-z0-9.-]+)?$")]
    retain_data: bool

    def problems(self) -> Iterable[str]:
        """Complaints about what keys say together."""
        yield from super().problems()
        if not self.ssh_networks:
            yield complaint("sshNetworks", "is empty: nobody could connect, not even this program")
        yield from rules.networks("sshNetworks", self.ssh_networks)
        for place, network in enumerate(self.ssh_networks):
            if ipaddress.IPv4Network(network).subnet_of(ipaddress.IPv4Network(PODMAN_NETWORK)):
                yield complaint(
                    place_in("sshNetworks", place),
                    f"{network} is in {PODMAN_NETWORK}, the instance's own network of containers: no answer would come back",
                )
        if "linux/arm64" not in self.platforms:
            yield complaint("platforms", "lacks linux/arm64, the platform of the A1 instance")
        if self.ocpus <= self.memory_in_gbs <= self.app_memory_in_gbs:
            yield complaint(
                "appMemoryInGbs",
                f"is {self.app_memory_in_gbs}, but the instance has {self.memory_in_gbs}; leave the system 1 GB",
                str(self.memory_in_gbs - 1),
            )
        if not self.subnet_id:
            yield from self._network_problems()
        try:
            _ = self.ssh_key
        except ssh.KeyFileError as error:
            yield complaint(
                "sshPrivateKeyFile", f"{self.ssh_private_key_file} {error}", commands=error.commands or NEW_KEY
            )

        if (agent := os.environ.get("SSH_AUTH_SOCK", "")) and not ssh.answers(agent):
            yield (
                "SSH_AUTH_SOCK: names an SSH agent that does not answer; Pulumi's command provider ends there, though it has a key\n"
                "    unset SSH_AUTH_SOCK"
            )

    def _network_problems(self) -> Iterable[str]:
        vcn, subnet = ipaddress.IPv4Network(self.vcn_cidr), ipaddress.IPv4Network(self.subnet_cidr)
        if not 16 <= vcn.prefixlen <= 30:
            yield complaint("vcnCidr", f"is {vcn}; a VCN takes a prefix of /16 to /30", f"{vcn.network_address}/16")
        elif overlap(self.vcn_cidr, PODMAN_NETWORK):
            yield complaint(
                "vcnCidr", f"is {vcn}, which overlaps {PODMAN_NETWORK}, the instance's own network of containers"
            )
        elif not subnet.subnet_of(vcn):
            yield complaint(
                "subnetCidr",
                f"is {subnet}, which is not part of vcnCidr {vcn}",
                str(next(vcn.subnets(new_prefix=max(24, vcn.prefixlen)))),
            )
        elif subnet.prefixlen > 30:
            yield complaint("subnetCidr", f"is {subnet}; a subnet takes a prefix of at most /30")
        if not self.assign_public_ip:
            yield complaint(
                "assignPublicIp",
                "is false in a network without another way in; set it, or name a subnetId of yours",
            )

    @property
    def network(self) -> NetworkSpec:
        """The instance's network."""
        return instance_network(self.vcn_cidr, self.subnet_cidr, self.ssh_networks, self.subnet_id)

    @property
    def app_memory_gb(self) -> int:
        """Memory limit of the container."""
        return self.app_memory_in_gbs or max(1, self.memory_in_gbs - 2)

    @cached_property
    def ssh_key(self) -> ssh.SshKey:
        """The person's key. Raises ssh.KeyFileError."""
        return ssh.read_key(Path(self.ssh_private_key_file))

    @cached_property
    def host_key(self) -> ssh.HostKey:
        """The instance's host key, the same in every run."""
        owner = f"{self.compartment_id}/{self.project}/{self.stack}"
        return ssh.host_key(self.ssh_key.seed, owner, self.host_key_generation)

    @property
    def data_folder(self) -> str:
        """The app's folder on the data volume, as the instance sees it."""
        return podman.data_folder(self.app)

    @property
    def retained(self) -> str:
        """What stays when the stack is destroyed, and what to do with it; "" for nothing."""
        return KEPT_VOLUME if self.retain_data else ""

    def tunnel_command(self, address: str) -> str:
        """The ssh command of the tunnel."""
        return ssh.tunnel_command(address, self.ssh_private_key_file, self.host_key.public, self.port)

    def ssh_command(self, address: str) -> str:
        """The ssh command of a shell on the instance."""
        return ssh.connect_command(address, self.ssh_private_key_file, self.host_key.public)
