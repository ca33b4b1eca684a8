"""The stack's configuration: read and checked once, before any resource is declared.

Types, defaults and meanings of the keys are in Pulumi.yaml, and Pulumi itself checks the types. Here are the ranges,
the rules between keys and the values computed from them. Every complaint names the key, says what is wrong, and
gives the command that mends it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json, ValidationError, model_validator
from pydantic.alias_generators import to_camel

import oci_profile
from specs import podman, secret_files, ssh
from specs.build_context import EXTRA
from specs.build_inputs import BuildInputError, ca_bundle, check_requirements
from specs.checks import cidr, data_path, duplicates, free_port, ssh_network
from specs.complaints import SECRET_KEYS, complaint, describe
from specs.registry import default_host

# Variables of the container that follow from another key, and from which.
RESERVED_ENVIRONMENT = {"PORT": "port", "DATA_PATH": "dataPath", "HOME": "dataPath"}


class ConfigurationError(pulumi.RunError):
    """The configuration is wrong; the message lists everything that is, for a person. Pulumi prints it without a
    stack trace.
    """


Name = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
VolumeSize = Annotated[int, Field(ge=50, le=32768)]
DataPath = Annotated[str, AfterValidator(data_path)]
Cidr = Annotated[str, AfterValidator(cidr)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
OneLine = Annotated[str, Field(pattern=r"^[^\r\n\x00]*$")]


class Settings(BaseModel):
    """All keys of Pulumi.yaml under their names in snake case, and what follows from them.

    project, stack: Pulumi's own names; profile: the account in use. Sizes are in GB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)

    project: str = Field(alias="_project")
    stack: str = Field(alias="_stack")
    profile: oci_profile.OciProfile = Field(alias="_profile")

    password: str = Field(min_length=8, pattern=r"\S", repr=False)
    registry_token: str = Field(min_length=1, pattern=r"^\S+$", repr=False)
    ssh_networks: Json[list[Annotated[str, AfterValidator(ssh_network)]]]

    app: Name
    context: str
    port: Annotated[int, AfterValidator(free_port)] = Field(le=65535)
    environment: Json[dict[EnvironmentName, OneLine]]
    secret_files: Json[dict[FileName, Annotated[str, Field(min_length=1)]]] = Field(repr=False)
    data_path: DataPath = Field(pattern=r"^/[A-Za-z0-9_./-]+$")
    health_path: str = Field(pattern=r"^/[A-Za-z0-9_./?=&%-]*$")
    user_id: int = Field(ge=1, le=65535)
    app_memory_in_gbs: int = Field(ge=0)

    image_tag: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$")
    platforms: Json[list[Annotated[str, Field(pattern=r"^linux/(arm64|amd64)$")]]]
    base_image: str = Field(pattern=r"^[A-Za-z0-9_.:/@-]+$")
    extra_requirements: str
    ca_bundle_file: str
    sbom_scanner: str = Field(pattern=r"^[A-Za-z0-9_.:/@-]*$")
    builder: str = Field(pattern=r"^[A-Za-z0-9_.-]*$")

    registry_host_override: str = Field(
        alias="registryHost",
        pattern=r"^([A-Za-z0-9.-]+(:\d+)?)?$",
    )
    registry_username: str = Field(pattern=r"^[\w.@/+-]*$")
    retain_images: bool

    compartment_override: Annotated[str, Field(pattern=r"^(ocid1\.(compartment|tenancy)\.[A-Za-z0-9.-]+)?$")] = Field(
        alias="compartmentId"
    )
    vcn_cidr: Cidr
    subnet_cidr: Cidr
    subnet_id: Annotated[str, Field(pattern=r"^(ocid1\.subnet\.[A-Za-z0-9.-]+)?$")]
    assign_public_ip: bool

    availability_domain: str = Field(pattern=r"^(\w+:[A-Z0-9-]+-AD-\d)?$")
    operating_system_version: str = Field(pattern=r"^(8|9|10)$")
    image_id: Annotated[str, Field(pattern=r"^(ocid1\.image\.[A-Za-z0-9.-]+)?$")]
    ocpus: int = Field(ge=1, le=76)
    memory_in_gbs: int = Field(ge=2)
    boot_volume_size_in_gbs: VolumeSize
    data_volume_size_in_gbs: VolumeSize
    retain_data: bool
    data_volume_id: str = Field(pattern=r"^(ocid1\.volume\.[A-Za-z0-9.-]+)?$")
    repository_id: str = Field(pattern=r"^(ocid1\.containerrepo\.[A-Za-z0-9.-]+)?$")
    ssh_private_key_file: str = Field(min_length=1)

    @model_validator(mode="after")
    def _rules_between_keys(self) -> Settings:
        problems = list(self._contradictions())
        if problems:
            raise ConfigurationError("\n".join(problems))
        return self

    def _contradictions(self) -> Iterable[str]:
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", self.stack):
            yield (
                f"stack: its name {self.stack} becomes part of names in the cloud, which take small letters, digits and -\n"
                f"    pulumi stack rename {re.sub(r'[^a-z0-9]+', '-', self.stack.lower()).strip('-') or 'dev'}"
            )
        for name in sorted(RESERVED_ENVIRONMENT.keys() & self.environment.keys()):
            yield f"environment.{name}: is set from {RESERVED_ENVIRONMENT[name]}\n    pulumi config rm --path environment.{name}"
        if not self.ssh_networks:
            yield complaint("sshNetworks", "is empty: nobody could connect, not even this program")
        for key, values in (("sshNetworks", self.ssh_networks), ("platforms", self.platforms)):
            for place in duplicates(values):
                yield f"{key}[{place}]: {values[place]} is there already\n    pulumi config rm --path '{key}[{place}]'"
        if "linux/arm64" not in self.platforms:
            yield complaint("platforms", "lacks linux/arm64, the platform of the A1 instance")
        if not Path(self.context, "Dockerfile").is_file():
            yield complaint("context", f"has no Dockerfile: {self.context}/Dockerfile does not exist")
        yield from self._unusable_build_inputs()
        if not self.ocpus <= self.memory_in_gbs <= 64 * self.ocpus:
            yield complaint(
                "memoryInGbs",
                f"is {self.memory_in_gbs}; {self.ocpus} OCPU take {self.ocpus} to {64 * self.ocpus} GB (1 to 64 each)",
                str(min(max(self.memory_in_gbs, 6 * self.ocpus), 64 * self.ocpus)),
            )
        elif self.app_memory_in_gbs >= self.memory_in_gbs:
            yield complaint(
                "appMemoryInGbs",
                f"is {self.app_memory_in_gbs}, but the instance has {self.memory_in_gbs}; leave the system 1 GB",
                str(self.memory_in_gbs - 1),
            )
        if not self.subnet_id:
            vcn, subnet = ipaddress.IPv4Network(self.vcn_cidr), ipaddress.IPv4Network(self.subnet_cidr)
            if not 16 <= vcn.prefixlen <= 30:
                yield complaint("vcnCidr", f"is {vcn}; a VCN takes a prefix of /16 to /30", f"{vcn.network_address}/16")
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
        if not self.registry_host_override and not self.profile.region:
            yield complaint(
                "oci:region",
                "is not set, here or in ~/.oci/config; the registry's host is computed from it",
                "eu-frankfurt-1",
            )
        if not self.compartment_override and not self.profile.tenancy_ocid:
            yield complaint(
                "compartmentId", "is not set, and no tenancy is known from oci:tenancyOcid or ~/.oci/config"
            )
        if not self.registry_username and not self.profile.user_ocid:
            yield complaint("registryUsername", "is not set, and no user is known from oci:userOcid or ~/.oci/config")
        try:
            _ = self.ssh_key
        except ssh.KeyFileError as error:
            yield (
                f"sshPrivateKeyFile: {self.ssh_private_key_file} {error}\n"
                "    ssh-keygen -t ed25519 -N '' -f ~/.ssh/oci_app\n"
                "    pulumi config set sshPrivateKeyFile '~/.ssh/oci_app'"
            )

    def _unusable_build_inputs(self) -> Iterable[str]:
        if self.extra_requirements:
            lock = f"make lock FILE={Path(self.extra_requirements).with_suffix('.in')}"
            try:
                check_requirements(Path(self.extra_requirements))
            except BuildInputError as error:
                yield f"extraRequirements: {self.extra_requirements} {error}\n    {lock}"
            dockerfile = Path(self.context, "Dockerfile")
            if dockerfile.is_file() and str(EXTRA) not in dockerfile.read_text():
                yield (
                    f"extraRequirements: {dockerfile} does not install them; docker/jupyterlab/Dockerfile shows how\n"
                    "    pulumi config rm extraRequirements"
                )
        try:
            _ = self.ca_bundle
        except BuildInputError as error:
            yield complaint("caBundleFile", f"{self.ca_bundle_file} {error}")

    @property
    def stack_name(self) -> str:
        """Prefix of names in the cloud: two stacks or apps in one compartment do not clash."""
        return f"{self.app}-{self.stack}"

    @property
    def tenancy_ocid(self) -> str:
        """Where availability domains are looked up; any compartment's OCID does as well."""
        return self.profile.tenancy_ocid or self.compartment_override

    @property
    def user_ocid(self) -> str:
        """The user who runs Pulumi, "" where unknown."""
        return self.profile.user_ocid

    @property
    def compartment_id(self) -> str:
        """Compartment of everything."""
        return self.compartment_override or self.profile.tenancy_ocid

    @property
    def registry_host(self) -> str:
        """Host of the registry."""
        return self.registry_host_override or default_host(self.profile.region)

    @property
    def staging_folder(self) -> str:
        """Where the image's build context is laid out, relative to the project."""
        return f".build/{self.stack}"

    @cached_property
    def ca_bundle(self) -> str:
        """Certificates (PEM) which the build trusts beside the base's, "" for none. Raises BuildInputError."""
        return ca_bundle(Path(self.ca_bundle_file)) if self.ca_bundle_file else ""

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
        return ssh.host_key(self.ssh_key.seed, f"{self.project}/{self.stack}")

    @cached_property
    def rendered_secret_files(self) -> dict[str, str]:
        """File name to content for /run/secrets (secret)."""
        owner = f"{self.compartment_id}/{self.project}/{self.stack}/{self.app}"
        return secret_files.render(self.secret_files, self.password, owner)

    @property
    def url(self) -> str:
        """Where the app is at the person's end of the tunnel."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        """Answers 200 through the tunnel while the app is well."""
        return f"{self.url}{self.health_path}"

    @property
    def data_folder(self) -> str:
        """The app's folder on the data volume, as the instance sees it."""
        return podman.data_folder(self.app)

    def tunnel_command(self, address: str) -> str:
        """The ssh command of the tunnel."""
        return ssh.tunnel_command(address, self.ssh_private_key_file, self.host_key.public, self.port)

    def ssh_command(self, address: str) -> str:
        """The ssh command of a shell on the instance."""
        return ssh.connect_command(address, self.ssh_private_key_file, self.host_key.public)


def parse(
    values: Mapping[str, str],
    project: str,
    stack: str,
    profile: oci_profile.OciProfile,
    is_encrypted: Callable[[str], bool] = lambda _: True,
) -> Settings:
    """Check `values` (key to text; arrays and objects as JSON). Raises ConfigurationError."""
    try:
        settings = Settings.model_validate({**values, "_project": project, "_stack": stack, "_profile": profile})
        problems = [
            complaint(
                key, f"is in plain text; encrypt it, and consider it known to all who could read Pulumi.{stack}.yaml"
            )
            for key in _secret_keys(settings)
            if not is_encrypted(key)
        ]
    except ValidationError as error:
        problems = [describe(detail, values) for detail in error.errors()]
    except ConfigurationError as error:
        problems = [str(error)]
    if problems:
        lines = "\n".join(problems)
        raise ConfigurationError(f"The configuration of stack {stack} (Pulumi.{stack}.yaml) cannot be used:\n{lines}")
    return settings


def _secret_keys(settings: Settings) -> list[str]:
    only_hashes = all(secret_files.PLACEHOLDER in content for content in settings.secret_files.values())
    return [*SECRET_KEYS, *([] if only_hashes else ["secretFiles"])]


def load() -> Settings:
    """The settings of the stack that runs. Raises ConfigurationError."""
    project, stack = pulumi.get_project(), pulumi.get_stack()
    prefix = f"{project}:"
    everything = {**get_config_env(), **CONFIG.get()}
    values = {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}
    profile = oci_profile.read(pulumi.Config("oci").get)
    return parse(values, project, stack, profile, lambda key: is_config_secret(prefix + key))
