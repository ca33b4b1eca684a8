"""The keys that both targets use, their ranges and rules, and what follows from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import pulumi
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

import oci_profile
from specs import secret_files
from specs import tags as whose
from specs.build_context import EXTRA
from specs.build_inputs import BuildInputError, ca_bundle, check_requirements
from specs.checks import FIRST_FREE_PORT, cidr, data_path, duplicates, free_port, own_network
from specs.complaints import SECRET_KEYS, complaint
from specs.registry import default_host

KEPT_VOLUME = (
    "the volume of dataVolumeId stays. To take it over: pulumi config set dataVolumeId <OCID>; "
    "to delete it: oci bv volume delete --volume-id <OCID>"
)
"""What the output `retained` says of a volume: no longer, since Pulumi cuts outputs at 150 characters when it shows them a last time."""

# Variables of the container that follow from another key, and from which.
RESERVED_ENVIRONMENT = {"PORT": "port", "DATA_PATH": "dataPath", "HOME": "dataPath"}

# Keys whose values stay in plain text wherever the app runs, even those that Pulumi had encrypted.
IN_PLAIN_TEXT = ("environment",)


class ConfigurationError(pulumi.RunError):
    """The configuration is wrong; the message lists everything that is, for a person. Pulumi prints it without a
    stack trace.
    """


def _as_text(value: Any) -> Any:
    """A number or truth value as it was written: `pulumi config set --path` makes these of 3600 and true."""
    return json.dumps(value) if isinstance(value, bool | int | float) else value


Name = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
VolumeSize = Annotated[int, Field(ge=50, le=32768)]
DataPath = Annotated[str, AfterValidator(data_path)]
# For the schema of stack files alone (settings/contract.py): the checks themselves say in more words what is wrong.
CIDR = {"pattern": r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$"}
Cidr = Annotated[str, AfterValidator(cidr), Field(json_schema_extra=CIDR)]
Network = Annotated[str, AfterValidator(own_network), Field(json_schema_extra=CIDR)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
SecretFile = Annotated[str, Field(min_length=1), AfterValidator(secret_files.small_file)]
ONE_LINE = r"^[^\r\n\x00]*$"
OneLine = Annotated[
    str,
    Field(pattern=ONE_LINE),
    BeforeValidator(_as_text),
    WithJsonSchema({"type": ["string", "number", "boolean"], "pattern": ONE_LINE}),
]


class AppSettings(BaseModel):
    """The keys of Pulumi.yaml that every target has, under their names in snake case, and what follows from them.

    project, stack: Pulumi's own names; profile: the account in use. Sizes are in GB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)

    project: str = Field(alias="_project")
    stack: str = Field(alias="_stack")
    profile: oci_profile.OciProfile = Field(alias="_profile")

    password: str = Field(min_length=8, pattern=r"\S", repr=False)
    registry_token: str = Field(min_length=1, pattern=r"^\S+$", repr=False)

    app: Name
    context: str
    port: Annotated[int, AfterValidator(free_port)] = Field(le=65535, json_schema_extra={"minimum": FIRST_FREE_PORT})
    environment: Json[dict[EnvironmentName, OneLine]]
    secret_files: Json[dict[FileName, SecretFile]] = Field(repr=False)
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

    availability_domain: str = Field(pattern=r"^(\w+:[A-Z0-9-]+-AD-\d)?$")
    ocpus: int = Field(ge=1, le=76)
    memory_in_gbs: int = Field(ge=2)
    boot_volume_size_in_gbs: VolumeSize
    data_volume_size_in_gbs: VolumeSize
    data_volume_id: str = Field(pattern=r"^(ocid1\.volume\.[A-Za-z0-9.-]+)?$")
    repository_id: str = Field(pattern=r"^(ocid1\.containerrepo\.[A-Za-z0-9.-]+)?$")

    @model_validator(mode="after")
    def _rules_between_keys(self) -> AppSettings:
        problems = list(self.problems())
        if problems:
            raise ConfigurationError("\n".join(problems))
        return self

    def problems(self) -> Iterable[str]:
        """Complaints about what keys say together; a target adds its own."""
        # No dot, which a namespace of Kubernetes cannot have, and no "--", which `stack_name` has for itself.
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.stack):
            yield (
                f"stack: its name {self.stack} becomes part of names in the cloud, which take small letters, digits and -\n"
                f"    pulumi stack rename {re.sub(r'[^a-z0-9]+', '-', self.stack.lower()).strip('-') or 'dev'}"
            )
        for name in sorted(RESERVED_ENVIRONMENT.keys() & self.environment.keys()):
            yield f"environment.{name}: is set from {RESERVED_ENVIRONMENT[name]}\n    pulumi config rm --path environment.{name}"
        yield from twice("platforms", self.platforms)
        if not Path(self.context, "Dockerfile").is_file():
            yield complaint("context", f"has no Dockerfile: {self.context}/Dockerfile does not exist")
        yield from self._unusable_build_inputs()
        if not self.ocpus <= self.memory_in_gbs <= 64 * self.ocpus:
            yield complaint(
                "memoryInGbs",
                f"is {self.memory_in_gbs}; {self.ocpus} OCPU take {self.ocpus} to {64 * self.ocpus} GB (1 to 64 each)",
                str(min(max(self.memory_in_gbs, 6 * self.ocpus), 64 * self.ocpus)),
            )
        yield from self._unknown_account()

    def _unknown_account(self) -> Iterable[str]:
        # Where that is mended, the rest is known too.
        if self.profile.problem:
            yield self.profile.problem
            return
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
        """Prefix of names in the cloud: no two stacks or apps in one compartment have the same.

        An app with a hyphen is followed by two, which no stack's name has: app a-b in stack c is not app a in stack b-c.
        """
        return f"{self.app}{'--' if '-' in self.app else '-'}{self.stack}"

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
    def tags(self) -> dict[str, str]:
        """Freeform tags of everything in the cloud."""
        return whose.tags(self.project, self.stack)

    @property
    def staging_folder(self) -> str:
        """Where the image's build context is laid out, relative to the project."""
        return f".build/{self.stack}"

    @cached_property
    def ca_bundle(self) -> str:
        """Certificates (PEM) which the build trusts beside the base's, "" for none. Raises BuildInputError."""
        return ca_bundle(Path(self.ca_bundle_file)) if self.ca_bundle_file else ""

    @cached_property
    def rendered_secret_files(self) -> dict[str, str]:
        """File name to content for SECRETS_PATH (secret)."""
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
    def secret_keys(self) -> Sequence[str]:
        """Keys whose values have to be encrypted in the stack's file."""
        only_hashes = all(secret_files.PLACEHOLDER in content for content in self.secret_files.values())
        return [*SECRET_KEYS, *([] if only_hashes else ["secretFiles"])]


def twice(key: str, values: Sequence[str]) -> Iterable[str]:
    """Complaints about values which a list holds already."""
    for place in duplicates(values):
        yield f"{key}[{place}]: {values[place]} is there already\n    pulumi config rm --path '{key}[{place}]'"
