"""The instance: how it is reached, what it runs, what it keeps."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, Json

from settings import rules
from settings.app import LocalPath
from settings.errors import wrong
from settings.key import Form, Section, key, ocid
from settings.network import Cidr, OwnNetwork
from specs import ssh
from specs.checks import PODMAN_NETWORK, overlap
from specs.errors import error, place_in

NEW_KEY = ("ssh-keygen -t ed25519 -N '' -f ~/.ssh/oci_app", "pulumi config set sshPrivateKeyFile '~/.ssh/oci_app'")


class InstanceSettings(Section):
    """The instance."""

    ssh_networks: Json[list[OwnNetwork]] = key(
        [],
        "Networks that may reach 22/tcp of the instance, as CIDRs, for example 203.0.113.7/32. Must be set.",
        example="203.0.113.7/32",
    )
    ssh_private_key_file: Annotated[LocalPath, Field(min_length=1)] = key(
        "~/.ssh/id_ed25519",
        "File of the SSH private key (without passphrase) to connect with; its public half is put on the instance.",
    )
    host_key_generation: int = key(
        1,
        "Number of the instance's SSH host key. The next number makes another key, and replaces the instance with it; the data volume "
        "stays.",
        example="2",
        ge=1,
    )
    subnet_cidr: Cidr = key("10.0.0.0/24", "Address range of the public subnet, part of vcnCidr.")
    subnet_id: Annotated[str, ocid("subnet")] = key(
        "",
        "OCID of an existing subnet; the stack then makes no network.",
        example="ocid1.subnet.oc1.eu-frankfurt-1.example",
    )
    assign_public_ip: bool = key(
        True,
        "Give the instance a public address. false needs subnetId and another way to the private address, such as a VPN.",
    )
    operating_system_version: Annotated[str, Form(r"^(8|9|10)$", "8, 9 or 10")] = key(
        "9", "Oracle Linux 8, 9 or 10. A change replaces the instance; the data volume stays."
    )
    image_id: Annotated[str, ocid("image")] = key(
        "",
        "OCID of the instance's image; the newest Oracle Linux at creation when empty.",
        example="ocid1.image.oc1.eu-frankfurt-1.example",
    )
    retain_data: bool = key(
        True,
        "Keep the instance's data volume when the stack is destroyed, gets another target or another volume. false has to be applied "
        "(`pulumi up`) before that.",
    )

    def problems(self) -> Iterable[str]:
        """Errors of the networks, the SSH key and the SSH agent."""
        if not self.ssh_networks:
            yield wrong("sshNetworks", "is empty: nobody could connect, not even this program")
        yield from rules.network_errors("sshNetworks", self.ssh_networks)
        for place, network in enumerate(self.ssh_networks):
            if ipaddress.IPv4Network(network).subnet_of(ipaddress.IPv4Network(PODMAN_NETWORK)):
                message = f"{network} is in {PODMAN_NETWORK}, the instance's own network of containers: answers would not reach you"
                yield wrong(place_in("sshNetworks", place), message)
        try:
            _ = self.ssh_key
        except ssh.KeyFileError as problem:
            commands = problem.commands or NEW_KEY
            yield error("sshPrivateKeyFile", f"{self.ssh_private_key_file} {problem}", *commands)
        if (agent := os.environ.get("SSH_AUTH_SOCK", "")) and not ssh.answers(agent):
            yield error(
                "SSH_AUTH_SOCK",
                "names an SSH agent that does not answer; Pulumi's command provider needs it to answer, although it does not use it",
                "unset SSH_AUTH_SOCK",
            )

    def network_problems(self, vcn: ipaddress.IPv4Network) -> Iterable[str]:
        """Errors of a network that the stack makes."""
        if self.subnet_id:
            return
        subnet = ipaddress.IPv4Network(self.subnet_cidr)
        if not 16 <= vcn.prefixlen <= 30:
            yield wrong("vcnCidr", f"is {vcn}; a VCN takes a prefix of /16 to /30", f"{vcn.network_address}/16")
        elif overlap(str(vcn), PODMAN_NETWORK):
            yield wrong(
                "vcnCidr", f"is {vcn}, which overlaps {PODMAN_NETWORK}, the instance's own network of containers"
            )
        elif not subnet.subnet_of(vcn):
            fitting = next(vcn.subnets(new_prefix=max(24, vcn.prefixlen)))
            yield wrong("subnetCidr", f"is {subnet}, which is not part of vcnCidr {vcn}", str(fitting))
        elif subnet.prefixlen > 30:
            yield wrong("subnetCidr", f"is {subnet}; a subnet takes a prefix of at most /30")
        if not self.assign_public_ip:
            message = "is false, but the stack's own network has no other way in; set it to true, or name an existing subnet (subnetId)"
            yield wrong("assignPublicIp", message)

    @cached_property
    def ssh_key(self) -> ssh.SshKey:
        """The person's key. Raises ssh.KeyFileError."""
        return ssh.read_key(Path(self.ssh_private_key_file))
