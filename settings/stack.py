"""A stack: the sections that every target has, the rules between them, and what follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, SkipValidation, model_validator

from settings import rules
from settings.app import AppSettings
from settings.errors import ConfigurationError, wrong
from settings.image import ImageSettings
from settings.key import KEYS, Section
from settings.machine import MachineSettings
from settings.network import NetworkSettings
from settings.placement import PlacementSettings
from settings.registry import RegistrySettings
from specs import scope, secret_files
from specs.container import ContainerSpec
from specs.errors import error, place_in
from specs.oci_profile import OciProfile
from specs.registry import default_host

KEPT_VOLUME = (
    "the data volume (output dataVolumeId) stays. To adopt it: pulumi config set dataVolumeId <OCID>; "
    "to delete it: oci bv volume delete --volume-id <OCID>"
)
"""The output `retained` of a volume. Pulumi cuts outputs at 150 characters when it shows them a last time."""


class Stack(BaseModel):
    """The configuration of one stack. project, stack: Pulumi's own names; profile: the account in use. Sizes are in GB."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Of a machine's memory, for the system.
    RESERVED_GB: ClassVar[int]

    project: str
    stack: str
    profile: Annotated[OciProfile, SkipValidation]

    placement: PlacementSettings
    app: AppSettings
    image: ImageSettings
    registry: RegistrySettings
    network: NetworkSettings
    machine: MachineSettings

    @classmethod
    def section_types(cls) -> dict[str, type[Section]]:
        """Field to section."""
        fields = {name: field.annotation for name, field in cls.model_fields.items()}
        return {name: kind for name, kind in fields.items() if isinstance(kind, type) and issubclass(kind, Section)}

    @property
    def sections(self) -> list[Section]:
        """All sections."""
        return [getattr(self, name) for name in self.section_types()]

    @model_validator(mode="after")
    def _rules(self) -> Stack:
        problems = list(self.problems())
        if problems:
            raise ConfigurationError("\n".join(problems))
        return self

    def problems(self) -> Iterable[str]:
        """Errors of keys together; a target adds its own."""
        # No dot, which a namespace of Kubernetes cannot have, and no "--", which `stack_name` uses itself.
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.stack):
            fitting = re.sub(r"[^a-z0-9]+", "-", self.stack.lower()).strip("-") or "dev"
            message = (
                f"its name is {self.stack}, but names in the cloud have only small letters, digits and single hyphens"
            )
            yield error("stack", message, f"pulumi stack rename {fitting}")
        for section in self.sections:
            yield from section.problems()
        yield from self.image.extra_problems(self.app.dockerfile)
        if self.profile.problem:
            # The rest of the account is known only once that is fixed.
            yield self.profile.problem
        else:
            yield from rules.account_errors(
                self.profile,
                self.registry.registry_host,
                self.placement.compartment_id,
                self.registry.registry_username,
            )
        yield from rules.foreign_ocids(
            self.profile, {name: value for name, value in self.values.items() if not KEYS[name].secret}
        )

    def platform_errors(self, machine: str) -> Iterable[str]:
        """The error of platforms without that of the A1 machine."""
        if "linux/arm64" not in self.image.platforms:
            yield wrong("platforms", f"lacks linux/arm64, the platform of the A1 {machine}")

    def memory_errors(self, machine: str, most: int, advice: str) -> Iterable[str]:
        """The error of an app that takes more than `most` GB of a machine's memory."""
        memory = self.machine.memory_in_gbs
        if self.machine.ocpus <= memory and self.app.app_memory_in_gbs > most:
            message = f"is {self.app.app_memory_in_gbs} GB, but {machine} has {memory} GB in all; leave {advice}"
            yield wrong("appMemoryInGbs", message, str(most))

    @property
    def values(self) -> dict[str, Any]:
        """Key to value."""
        return {
            str(field.alias): getattr(section, name)
            for section in self.sections
            for name, field in type(section).model_fields.items()
        }

    @property
    def target(self) -> str:
        """instance or kubernetes."""
        return self.placement.target

    @property
    def stack_name(self) -> str:
        """Prefix of names in the cloud: no two stacks or apps in one compartment have the same.

        An app with a hyphen is followed by two, which no stack's name has: app a-b in stack c is not app a in stack b-c.
        """
        return f"{self.app.name}{'--' if '-' in self.app.name else '-'}{self.stack}"

    @property
    def compartment_id(self) -> str:
        """OCID of the compartment of everything."""
        return self.placement.compartment_id or self.profile.tenancy_ocid

    @property
    def scope(self) -> scope.Scope:
        """What all resources in the cloud share."""
        return scope.Scope(
            compartment_id=self.compartment_id,
            # Any compartment's OCID will do where the tenancy is unknown.
            tenancy_ocid=self.profile.tenancy_ocid or self.placement.compartment_id,
            availability_domain=self.placement.availability_domain,
            display_name=self.stack_name,
            tags=scope.tags(self.project, self.stack),
        )

    @property
    def registry_host(self) -> str:
        """Host of the registry."""
        return self.registry.registry_host or default_host(self.profile.region)

    @property
    def staging_folder(self) -> str:
        """Where the image's build context is laid out, relative to the project."""
        return f".build/{self.stack}"

    @property
    def full_name(self) -> str:
        """What no two stacks have in common, whatever their apps."""
        return f"{self.compartment_id}/{self.project}/{self.stack}"

    @property
    def owner(self) -> str:
        """What no two stacks or apps have in common; salts their hashes."""
        return f"{self.full_name}/{self.app.name}"

    @cached_property
    def rendered_secret_files(self) -> dict[str, str]:
        """File name to content for SECRETS_PATH (secret), sorted."""
        return secret_files.render(self.app.secret_files, self.app.password, self.owner)

    @property
    def container(self) -> ContainerSpec:
        """The app's container."""
        return ContainerSpec(
            name=self.app.name,
            port=self.app.port,
            environment=self.app.environment,
            secret_names=sorted(self.app.secret_files),
            data_path=self.app.data_path,
            health_path=self.app.health_path,
            user_id=self.app.user_id,
            memory_gb=self.app.app_memory_in_gbs or max(1, self.machine.memory_in_gbs - self.RESERVED_GB),
        )

    @property
    def url(self) -> str:
        """The app's address at the person's end of the tunnel."""
        return f"http://127.0.0.1:{self.app.port}"

    @property
    def health_url(self) -> str:
        """Answers 200 through the tunnel while the app is well."""
        return f"{self.url}{self.app.health_path}"

    @property
    def encrypted_places(self) -> Sequence[str]:
        """Keys, and places in them, with values that must be encrypted in the stack file."""
        set_keys = [
            name for name, value in self.values.items() if KEYS[name].secret and isinstance(value, str) and value
        ]
        files = [name for name, content in self.app.secret_files.items() if not re.match(secret_files.PLAIN, content)]
        return [*set_keys, *(place_in("secretFiles", name) for name in files)]
