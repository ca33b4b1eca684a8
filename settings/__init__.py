"""The stack's configuration: read and checked once, before any resource is declared.

A section (`settings/app.py`, `settings/image.py` …) has the keys; `settings/stack.py` and one file for each target have the rules between
sections and the values that follow from them. An error names the key, says what is wrong, and gives the command that fixes it.
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

from settings.app import NOT_ENCRYPTED
from settings.errors import ConfigurationError, describe, fix, unknown_key, wrong
from settings.instance_stack import InstanceStack
from settings.key import KEYS
from settings.kubernetes_stack import KubernetesStack
from specs import oci_profile
from specs.errors import error, place_in
from specs.shell import printable

__all__ = ["ConfigurationError", "InstanceStack", "KubernetesStack", "load", "parse"]

TARGETS: Mapping[str, type[InstanceStack] | type[KubernetesStack]] = {
    "instance": InstanceStack,
    "kubernetes": KubernetesStack,
}


def parse(
    values: Mapping[str, str],
    project: str,
    stack: str,
    profile: oci_profile.OciProfile,
    is_encrypted: Callable[[str], bool] = lambda place: place not in NOT_ENCRYPTED,
) -> InstanceStack | KubernetesStack:
    """Check `values` (key to text; arrays and objects as JSON). is_encrypted: of a key or a place in one, as `encrypted_places` has them.

    Keys of the other target are neither required nor checked. Raises ConfigurationError.
    """
    problems = [unknown_key(name) for name in values if name not in KEYS]
    try:
        config = _parse(values, project, stack, profile)
        problems += _encryption_problems(config, stack, is_encrypted)
        if not problems:
            return config
    except ValidationError as invalid:
        problems += [describe(detail, values) for detail in invalid.errors()]
    except ConfigurationError as invalid:
        problems.append(str(invalid))
    name, lines = printable(stack), "\n".join(problems)
    raise ConfigurationError(f"The configuration of stack {name} (Pulumi.{name}.yaml) cannot be used:\n{lines}")


def _parse(
    values: Mapping[str, str], project: str, stack: str, profile: oci_profile.OciProfile
) -> InstanceStack | KubernetesStack:
    target = values.get("target", KEYS["target"].default)
    if target not in TARGETS:
        raise ConfigurationError(wrong("target", f"must be instance or kubernetes (is {target!r})", "kubernetes"))
    model = TARGETS[target]
    sections = {
        field: {name: value for name, value in values.items() if name in KEYS and KEYS[name].section is section}
        for field, section in model.section_types().items()
    }
    return model.model_validate({"project": project, "stack": stack, "profile": profile, **sections})


def _encryption_problems(
    config: InstanceStack | KubernetesStack, stack: str, is_encrypted: Callable[[str], bool]
) -> list[str]:
    everyone = f"is in plain text; others may have read Pulumi.{stack}.yaml, so set a new value, encrypted"
    plain = [wrong(place, everyone) for place in config.encrypted_places if not is_encrypted(place)]
    in_vain = "has an encrypted value, but the state has environment in plain text; put it into secretFiles"
    useless = [
        error(name, in_vain, fix("secretFiles"), f"pulumi config rm --path '{name}.<NAME>'")
        for name in NOT_ENCRYPTED
        if is_encrypted(name)
    ]
    return plain + useless


def load() -> InstanceStack | KubernetesStack:
    """The configuration of the running stack. Raises ConfigurationError."""
    project, stack = pulumi.get_project(), pulumi.get_stack()
    prefix = f"{project}:"
    everything = {**get_config_env(), **CONFIG.get()}
    values = {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}
    profile = oci_profile.read(pulumi.Config("oci").get)
    # Pulumi's variable for --config-file. No program sees that flag itself, so the stack's usual file is read.
    plain = plain_places(Path(os.environ.get("PULUMI_OPTION_CONFIG_FILE") or f"Pulumi.{stack}.yaml"), prefix)

    def is_encrypted(place: str) -> bool:
        return is_config_secret(prefix + re.split(r"[.\[]", place, maxsplit=1)[0]) and place not in plain

    return parse(values, project, stack, profile, is_encrypted)


def plain_places(file: Path, prefix: str) -> set[str]:
    """The places of objects which are in plain text in a stack file; none if it cannot be read.

    The engine marks a whole key as secret if any value in it is (source: pulumi, sdk/go/common/resource/config/map.go, SecureKeys).
    """
    try:
        # All as text: to this library 123 and on are no names, as they are to Pulumi.
        document = yaml.load(file.read_text("utf-8"), yaml.BaseLoader)  # noqa: S506 - makes nothing but texts, lists and dicts
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
