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

from settings import rules
from specs import dockerignore, oci_profile, secret_files
from specs import tags as whose
from specs.build_inputs import BuildInputError, ca_bundle
from specs.checks import (
    FIRST_FREE_PORT,
    cidr,
    data_path,
    file_name,
    free_port,
    is_file,
    own_network,
)
from specs.complaints import SECRET_KEYS, complaint, place_in, removal
from specs.registry import default_host

KEPT_VOLUME = (
    "the volume of dataVolumeId stays. To take it over: pulumi config set dataVolumeId <OCID>; "
    "to delete it: oci bv volume delete --volume-id <OCID>"
)
"""What the output `retained` says of a volume: no longer, since Pulumi cuts outputs at 150 characters when it shows them a last time."""

# Variables of the container that follow from another key, and from which.
RESERVED_ENVIRONMENT = {"PORT": "port", "DATA_PATH": "dataPath", "HOME": "dataPath"}

MOST_MEMORY = 512
"""GB of a VM.Standard.A1.Flex, whatever its OCPUs (source: ListShapes, memoryOptions.maxInGBs, as in oracle/oci-designer-toolkit)."""

# Tags in the same repository, of the layers that the next build starts from (components/image.py).
CACHE_TAGS = ("cache", "cache-amd64", "cache-arm64")

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
CIDR = {"pattern": r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"}
Cidr = Annotated[str, AfterValidator(cidr), Field(json_schema_extra=CIDR)]
Network = Annotated[str, AfterValidator(own_network), Field(json_schema_extra=CIDR)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
LocalPath = Annotated[str, AfterValidator(file_name)]
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
    context: LocalPath
    port: Annotated[int, AfterValidator(free_port)] = Field(le=65535, json_schema_extra={"minimum": FIRST_FREE_PORT})
    environment: Json[dict[EnvironmentName, OneLine]]
    secret_files: Json[dict[FileName, SecretFile]] = Field(repr=False)
    data_path: DataPath = Field(pattern=r"^/[A-Za-z0-9_./-]+$")
    health_path: str = Field(pattern=r"^/[A-Za-z0-9_./?=&%-]*$")
    user_id: int = Field(ge=1, le=65535)
    app_memory_in_gbs: int = Field(ge=0)

    image_tag: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$")
    platforms: Json[list[Annotated[str, Field(pattern=r"^linux/(arm64|amd64)$")]]]
    base_image: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$")
    # `make lock FILE=…` takes it, where make and the shell would expand more than these.
    extra_requirements: LocalPath = Field(pattern=r"^[A-Za-z0-9_./+@~-]*$")
    ca_bundle_file: LocalPath
    attestations: Json[list[Annotated[str, Field(pattern=r"^(provenance|sbom(=[A-Za-z0-9_.:/@-]+)?)$")]]]
    builder: str = Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$")

    registry_host_override: str = Field(
        alias="registryHost",
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?)?$",
    )
    registry_username: str = Field(pattern=r"^[A-Za-z0-9_.@/+-]*$")
    retain_images: bool

    compartment_override: Annotated[str, Field(pattern=r"^(ocid1\.(compartment|tenancy)\.[A-Za-z0-9.-]+)?$")] = Field(
        alias="compartmentId"
    )
    vcn_cidr: Cidr

    availability_domain: str = Field(pattern=r"^([A-Za-z0-9_]+:[A-Z0-9-]+-AD-[0-9])?$")
    ocpus: int = Field(ge=1, le=76)
    memory_in_gbs: int = Field(ge=2, le=MOST_MEMORY)
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
            fitting = re.sub(r"[^a-z0-9]+", "-", self.stack.lower()).strip("-") or "dev"
            yield complaint(
                "stack",
                f"its name {self.stack} becomes part of names in the cloud, which take small letters, digits and -",
                commands=[f"pulumi stack rename {fitting}"],
            )
        for name in sorted(RESERVED_ENVIRONMENT.keys() & self.environment.keys()):
            place = place_in("environment", name)
            yield complaint(place, f"is set from {RESERVED_ENVIRONMENT[name]}", commands=[removal(place)])
        if self.image_tag in CACHE_TAGS:
            yield complaint("imageTag", f"is {self.image_tag}, a tag of the build's cache")
        yield from rules.twice("platforms", self.platforms)
        yield from rules.twice("attestations", [kind.partition("=")[0] for kind in self.attestations])
        if not is_file(Path(self.context, "Dockerfile")):
            yield complaint("context", f"has no Dockerfile: {self.context}/Dockerfile does not exist")
        try:
            dockerignore.read(Path(self.context))
        except BuildInputError as error:
            yield complaint("context", str(error))
        yield from rules.extra_requirements(self.extra_requirements, Path(self.context, "Dockerfile"))
        try:
            _ = self.ca_bundle
        except BuildInputError as error:
            yield complaint("caBundleFile", f"{self.ca_bundle_file} {error}")
        most = min(64 * self.ocpus, MOST_MEMORY)
        if not self.ocpus <= self.memory_in_gbs <= most:
            yield complaint(
                "memoryInGbs",
                f"is {self.memory_in_gbs}; {self.ocpus} OCPU take {self.ocpus} to {most} GB (1 to 64 each)",
                str(min(max(self.memory_in_gbs, 6 * self.ocpus), most)),
            )
        if self.profile.problem:
            # Where that is fixed, the rest of the account is known too.
            yield self.profile.problem
        else:
            yield from rules.account(
                self.profile, self.registry_host_override, self.compartment_override, self.registry_username
            )
        values = {str(field.alias): getattr(self, name) for name, field in type(self).model_fields.items()}
        yield from rules.places(self.profile, values)

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

    @property
    def owner(self) -> str:
        """What no two stacks have in common, which their hashes are salted by."""
        return f"{self.compartment_id}/{self.project}/{self.stack}/{self.app}"

    @cached_property
    def rendered_secret_files(self) -> dict[str, str]:
        """File name to content for SECRETS_PATH (secret)."""
        return secret_files.render(self.secret_files, self.password, self.owner)

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
        """Keys, and places in them, whose values have to be encrypted in the stack's file."""
        files = [name for name, content in self.secret_files.items() if not re.match(secret_files.PLAIN, content)]
        return [*SECRET_KEYS, *(place_in("secretFiles", name) for name in files)]
