"""The stack's configuration: read and checked once, before any resource is declared.

Types, defaults and meanings of the keys are in Pulumi.yaml, and Pulumi itself checks the types. Here are the ranges,
the rules between keys and the values computed from them: `app` has what both targets use, `instance` and `kubernetes` what one
of them adds. A target's own keys are neither required nor looked at for the other. Every complaint names the key, says what is
wrong, and gives the command that fixes it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pulumi
import yaml
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import ValidationError

from settings.app import IN_PLAIN_TEXT, ConfigurationError
from settings.instance import InstanceSettings
from settings.kubernetes import KubernetesSettings
from specs import oci_profile
from specs.complaints import complaint, describe, mend, place_in
from specs.shell import printable

__all__ = ["ConfigurationError", "InstanceSettings", "KubernetesSettings", "Settings", "load", "parse"]

Settings = InstanceSettings | KubernetesSettings
TARGETS: dict[str, type[InstanceSettings] | type[KubernetesSettings]] = {
    "instance": InstanceSettings,
    "kubernetes": KubernetesSettings,
}


def keys(model: type[InstanceSettings] | type[KubernetesSettings]) -> set[str]:
    """The names under which a target's settings are in Pulumi.yaml."""
    return {str(field.alias) for field in model.model_fields.values() if not str(field.alias).startswith("_")}


def parse(
    values: Mapping[str, str],
    project: str,
    stack: str,
    profile: oci_profile.OciProfile,
    is_encrypted: Callable[[str], bool] = lambda key: key not in IN_PLAIN_TEXT,
) -> Settings:
    """Check `values` (key to text; arrays and objects as JSON). `is_encrypted`: of a key, or of a place in one (`secret_keys`). Raises
    ConfigurationError.
    """
    try:
        settings = _parse(values, project, stack, profile)
        problems = [
            complaint(
                key, f"is in plain text; encrypt it, and consider it known to all who could read Pulumi.{stack}.yaml"
            )
            for key in settings.secret_keys
            if not is_encrypted(key)
        ]
        problems += [
            complaint(
                key,
                "has an encrypted value, but is plain text in the stack's state and where the app runs; make a file of it",
                commands=[mend("secretFiles"), f"pulumi config rm --path '{key}.<NAME>'"],
            )
            for key in IN_PLAIN_TEXT
            if is_encrypted(key)
        ]
    except ValidationError as error:
        problems = [describe(detail, values) for detail in error.errors()]
    except ConfigurationError as error:
        problems = [str(error)]
    if problems:
        lines = "\n".join(problems)
        name = printable(stack)
        raise ConfigurationError(f"The configuration of stack {name} (Pulumi.{name}.yaml) cannot be used:\n{lines}")
    return settings


def _parse(values: Mapping[str, str], project: str, stack: str, profile: oci_profile.OciProfile) -> Settings:
    target = values.get("target", "")
    if target not in TARGETS:
        raise ConfigurationError(complaint("target", f"must be instance or kubernetes (is {target!r})"))
    of_others = set().union(*map(keys, TARGETS.values())) - keys(TARGETS[target])
    own = {key: value for key, value in values.items() if key not in of_others}
    return TARGETS[target].model_validate({**own, "_project": project, "_stack": stack, "_profile": profile})


def load() -> Settings:
    """The settings of the stack that runs. Raises ConfigurationError."""
    project, stack = pulumi.get_project(), pulumi.get_stack()
    prefix = f"{project}:"
    everything = {**get_config_env(), **CONFIG.get()}
    values = {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}
    profile = oci_profile.read(pulumi.Config("oci").get)
    # The variable is Pulumi's, for --config-file; that flag itself no program sees, and the stack's usual file is looked at.
    plain = plain_places(Path(os.environ.get("PULUMI_OPTION_CONFIG_FILE") or f"Pulumi.{stack}.yaml"), prefix)

    def is_encrypted(place: str) -> bool:
        return is_config_secret(prefix + re.split(r"[.\[]", place, maxsplit=1)[0]) and place not in plain

    return parse(values, project, stack, profile, is_encrypted)


def plain_places(file: Path, prefix: str) -> set[str]:
    """The places of objects which are in plain text in a stack's file; none where it cannot be read.

    The engine marks a whole key as secret if any value in it is (source: pulumi, sdk/go/common/resource/config/map.go, SecureKeys).
    """
    try:
        # All as text: to this library 123 and on are no names, as they are to Pulumi.
        document = yaml.load(file.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and dicts alone
        config = dict(document["config"])
    except (OSError, ValueError, TypeError, LookupError, yaml.YAMLError):
        return set()
    return {
        place_in(key.removeprefix(prefix), name)
        for key, value in config.items()
        if isinstance(value, dict)
        for name, content in value.items()
        if "secure" not in value and not (isinstance(content, dict) and "secure" in content)
    }
