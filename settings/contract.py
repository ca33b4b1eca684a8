"""The configuration as a contract: every key described once, from the two sources which there are.

Pulumi.yaml has type, default, meaning and section of a key; the models of the settings have what a value may be and which target looks
at it. `read` joins them and raises where they disagree, so that what is written from it (`python -m settings`, which `make docs` runs) is
true for both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from settings import TARGETS, ConfigurationError
from specs.oci_profile import OciProfile

SECTION = re.compile(r"^  # --- (?P<title>.+?) -+$")
KEY = re.compile(r"^  (?P<key>\w+):$")
RANGE = re.compile(r"\((?P<least>\d+)-(?P<most>\d+)\)")
MUST_BE_SET = "Must be set."
SECRET = "Secret."  # noqa: S105 - how the description of a secret begins
PROFILE = OciProfile("eu-frankfurt-1", "ocid1.tenancy.oc1..example", "ocid1.user.oc1..example")


class ContractError(Exception):
    """Pulumi.yaml and the settings disagree; the message lists where, for a person."""


@dataclass(frozen=True)
class Key:
    """One key of the configuration.

    `section`: the heading in Pulumi.yaml under which it is; `type`: string, integer, boolean, array or object; `accepts`: what a value may
    be, as JSON Schema; `targets`: those which look at it; `secret`: its value has to be encrypted (of an object, each that is not a
    pattern); `refused_default`: the settings refuse the default, so it must be set.
    """

    name: str
    section: str
    type: str
    default: Any
    description: str
    accepts: Mapping[str, Any]
    targets: tuple[str, ...]
    secret: bool
    refused_default: bool

    @property
    def of_every_target(self) -> bool:
        """Has it an effect whatever the target is?"""
        return set(self.targets) == set(TARGETS)

    def disagreements(self, entry: Mapping[str, Any]) -> Iterator[str]:
        """Where its `entry` in Pulumi.yaml says otherwise than the settings."""
        if self.type != self.accepts["type"]:
            yield f"{self.name}: is of type {self.type} in Pulumi.yaml and {self.accepts['type']} in settings"
            return
        items, accepted = entry.get("items", {}).get("type"), self.accepts.get("items", {}).get("type")
        if items != accepted:
            yield f"{self.name}: has items of type {items} in Pulumi.yaml and {accepted} in settings"
        if self.refused_default and not self.description.endswith(MUST_BE_SET):
            yield f"{self.name}: its default {self.default!r} is refused by settings, and the description does not end with: {MUST_BE_SET}"
        if not self.refused_default and self.description.endswith(MUST_BE_SET):
            yield f"{self.name}: its default {self.default!r} will do, but the description says: {MUST_BE_SET}"
        if self.type != "object" and self.secret != self.description.startswith(SECRET):
            yield f"{self.name}: is {'a' if self.secret else 'no'} secret in settings (repr); the description of one begins with: {SECRET}"
        unnamed = [choice for choice in self.accepts.get("enum", ()) if choice not in self.description]
        if unnamed:
            yield f"{self.name}: its description does not name the choice {', '.join(unnamed)}"
        yield from self._range_disagreements()

    def _range_disagreements(self) -> Iterator[str]:
        told = RANGE.search(self.description)
        least, most = self.accepts.get("minimum"), self.accepts.get("maximum")
        if told is None:
            if most is not None:
                yield f"{self.name}: its description does not tell the range ({least}-{most})"
            return
        # A default of 0 outside the range means "found or computed".
        same_least = int(told["least"]) == least or (least == self.default == 0)
        if not same_least or int(told["most"]) != most:
            yield f"{self.name}: its description tells {told[0]}, settings take {least} to {most}"


@dataclass(frozen=True)
class Contract:
    """The description of all keys, in the order of Pulumi.yaml. `project`: the namespace of the keys."""

    project: str
    keys: tuple[Key, ...]

    @cached_property
    def sections(self) -> dict[str, list[Key]]:
        """Heading to keys."""
        return {
            title: [key for key in self.keys if key.section == title] for title in {k.section: 0 for k in self.keys}
        }


def read(project_file: str, models: Mapping[str, type[BaseModel]] = TARGETS) -> Contract:
    """The contract of this content of Pulumi.yaml and these settings, target to model. Raises ContractError."""
    document = yaml.safe_load(project_file)
    entries: Mapping[str, Mapping[str, Any]] = document["config"]
    sections = dict(_sections(project_file.splitlines()))
    schemas = {target: _accepted(model) for target, model in models.items()}
    fields = {key for schema in schemas.values() for key in schema}
    problems = [
        *(f"{key}: is in Pulumi.yaml, but no field of settings" for key in entries if key not in fields),
        *(f"{key}: is a field of settings, but not in Pulumi.yaml" for key in sorted(fields - entries.keys())),
        *(f"{key}: is under no section (# --- title ---) of Pulumi.yaml" for key in entries if key not in sections),
        *(
            f"{key}: lacks {missing} in Pulumi.yaml"
            for key, entry in entries.items()
            for missing in sorted({"type", "default", "description"} - entry.keys())
        ),
    ]
    if not problems:
        secrets = {key for model in models.values() for key in _secrets(model)}
        refused = {key for model in models.values() for key in _refused_defaults(model, entries)}
        keys = tuple(
            Key(
                name,
                sections[name],
                entry["type"],
                entry["default"],
                entry["description"].strip(),
                _joined(name, [schema[name] for schema in schemas.values() if name in schema]),
                tuple(target for target, schema in schemas.items() if name in schema),
                name in secrets,
                name in refused,
            )
            for name, entry in entries.items()
        )
        problems = [problem for key in keys for problem in key.disagreements(entries[key.name])]
    if problems:
        raise ContractError("Pulumi.yaml and settings/ disagree:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Contract(document["name"], keys)


def _sections(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each key with the heading above it."""
    title = None
    for line in lines:
        if heading := SECTION.match(line):
            title = heading["title"]
        elif title and (key := KEY.match(line)):
            yield key["key"], title


def _accepted(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Key to the JSON Schema of its value as it is in a stack's file, where lists and objects are no JSON texts."""
    properties = model.model_json_schema()["properties"]
    return {key: _of_value(schema) for key, schema in properties.items() if not key.startswith("_")}


def _of_value(schema: Mapping[str, Any]) -> dict[str, Any]:
    value = dict(schema.get("contentSchema", schema))
    value.pop("title", None)
    if "const" in value:
        value["enum"] = [value.pop("const")]
    # In JSON Schema a name which matches no pattern would be left unchecked.
    for pattern, inner in value.pop("patternProperties", {}).items():
        value.update(propertyNames={"pattern": pattern}, additionalProperties=inner)
    return value


def _joined(name: str, schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """What any of the targets accepts. Raises ContractError when they differ in more than the choices."""
    first, *others = schemas
    choices = [choice for schema in schemas for choice in schema.get("enum", ())]
    if any({**schema, "enum": 0} != {**first, "enum": 0} for schema in others):
        told = " and ".join(json.dumps(schema) for schema in schemas)
        raise ContractError(f"{name}: is described differently in the settings of the targets: {told}")
    return {**first, "enum": list(dict.fromkeys(choices))} if choices else first


def _secrets(model: type[BaseModel]) -> Iterator[str]:
    """Keys whose values are kept out of the settings' text, which are those that have to be encrypted."""
    return (str(field.alias) for field in model.model_fields.values() if not field.repr)


def _refused_defaults(model: type[BaseModel], entries: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Keys whose default is refused by itself; rules between keys are not looked at."""
    own = {str(field.alias) for field in model.model_fields.values()} & entries.keys()
    defaults = {key: entries[key]["default"] for key in own - {"target"}}
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in defaults.items()}
    target = model.model_json_schema()["properties"]["target"]["const"]
    try:
        model.model_validate({**values, "target": target, "_project": "app", "_stack": "dev", "_profile": PROFILE})
    except ValidationError as error:
        return {str(detail["loc"][0]) for detail in error.errors()}
    except ConfigurationError:
        pass
    return set()
