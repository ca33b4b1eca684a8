"""A configuration key is one field of a section: what it may be, its default and its description stand there and nowhere else.

Pulumi.yaml's `config` block, the schema of stack files and docs/configuration.md are written from these fields (`make docs`), and the
commands in errors are built from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Form:
    """Metadata of a text: a pattern, and what it means in words, which errors, docs and editors show.

    pattern: anchored, in the part of the syntax that Python and ECMAScript share.
    """

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the text after pydantic's own checks."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe it to editors (patternErrorMessage: of the VS Code and YAML language servers)."""
        return {**handler(schema), "pattern": self.pattern, "patternErrorMessage": f"must be {self.words}"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"must be {self.words}")
        return value


def ocid(*kinds: str) -> Form:
    """An OCID of one of these kinds, or ""."""
    begins = " or ".join(f"ocid1.{kind}" for kind in kinds)
    return Form(rf"^(ocid1\.({'|'.join(kinds)})\.[A-Za-z0-9.-]+)?$", f"an OCID that begins with {begins}")


def key(
    default: Any, description: str, *, example: str = "", secret: bool = False, from_file: str = "", **rules: Any
) -> Any:
    """Describe a key. `...` as default: it must be set.

    example: a value, of a list an item, for the command that fixes a wrong one; without it the default.
    secret: the value must be encrypted in the stack file. from_file: the value is the content of a file, by this name in commands.
    rules: pydantic's (`alias`, `ge`, `le`).
    """
    extra: dict[str, Any] = {"from_file": from_file, "example": example}
    return Field(default, description=description, repr=not secret, json_schema_extra=extra, **rules)


class Section(BaseModel):
    """A group of keys; its docstring is their heading. A field's name is the key in snake case, or `alias` is the key."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Add the section's keys to KEYS."""
        super().__pydantic_init_subclass__(**kwargs)
        KEYS.update((str(field.alias), Key(str(field.alias), cls, field)) for field in cls.model_fields.values())

    def problems(self) -> Iterable[str]:
        """Errors that the section's keys have together."""
        return ()


@dataclass(frozen=True)
class Key:
    """One key of the configuration, as its field describes it."""

    name: str
    section: type[Section]
    field: FieldInfo

    @cached_property
    def accepts(self) -> Mapping[str, Any]:
        """What a value may be in a stack file, as JSON Schema."""
        schema = dict(_properties(self.section)[self.name])
        value = dict(schema.get("contentSchema", schema))
        for unwanted in ("title", "default", "description", "from_file", "example"):
            value.pop(unwanted, None)
        if "const" in value:
            value["enum"] = [value.pop("const")]
        # In JSON Schema a name that matches no pattern would be left unchecked.
        for pattern, inner in value.pop("patternProperties", {}).items():
            value.update(propertyNames={"pattern": pattern}, additionalProperties=inner)
        return value

    @property
    def type(self) -> str:
        """One of string, integer, boolean, array, object."""
        return str(self.accepts["type"])

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.field.is_required()

    @property
    def default(self) -> Any:
        """Its default, "" for a required key: Pulumi must not refuse that before the program can say which command sets it."""
        return "" if self.required else self.field.default

    @property
    def description(self) -> str:
        """What it is, in sentences."""
        return str(self.field.description)

    @property
    def secret(self) -> bool:
        """Whether its value must be encrypted in the stack file."""
        return not self.field.repr

    @property
    def from_file(self) -> str:
        """The name of a file in the command that sets it, or ""."""
        return self._extra["from_file"]

    @property
    def example(self) -> str:
        """A value, of a list an item, for a command."""
        default = self.default
        return self._extra["example"] or (default if isinstance(default, str) else json.dumps(default))

    @property
    def _extra(self) -> dict[str, str]:
        return cast(dict[str, str], self.field.json_schema_extra)


KEYS: dict[str, Key] = {}
"""All keys by name, in the order in which the sections are defined."""


@cache
def _properties(section: type[Section]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = section.model_json_schema()["properties"]
    return properties
