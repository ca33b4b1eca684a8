"""The JSON Schema of stack files, `Pulumi.<stack>.yaml`: what editors complete from, and what the committed ones are checked against.

Draft 7, the newest that the YAML language server supports in full (VS Code's YAML extension, Neovim and others use it). It has what one
value may be; the rules between keys, and the range of a number in quotation marks as `pulumi config set` writes it, are the program's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from settings.app import NOT_ENCRYPTED
from settings.key import KEYS, Key
from specs import oci_profile
from specs.secret_files import PLAIN

Schema = dict[str, Any]

ENCRYPTED: Schema = {
    "type": "object",
    # Editors name what they expected by its title.
    "title": "value encrypted by `pulumi config set --secret`",
    "required": ["secure"],
    "additionalProperties": False,
    "properties": {"secure": {"type": "string", "minLength": 1}},
}
SECURE: Schema = {"$ref": "#/definitions/secure"}
TEXTS: Mapping[str, Schema] = {
    "integer": {"type": "string", "pattern": "^[0-9]+$"},
    "boolean": {"type": "string", "enum": ["true", "false"]},
}
"""How `pulumi config set` without --path writes numbers and truth values (source: pulumi 3.259, ValidateConfigValue)."""


def stack_schema(name: str) -> Schema:
    """The schema of stack files of the project of this name."""
    # A project's name may hold a dot and nothing else that has a meaning in a pattern (re.escape's "\\-" is none of ECMAScript).
    project = name.replace(".", r"\.")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Written by `make docs` from settings/.",
        "title": f"Stack file of {name}: Pulumi.<stack>.yaml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "config": {
                "type": "object",
                "description": "Values of the stack; all others are defaults (Pulumi.yaml, docs/configuration.md).",
                "additionalProperties": False,
                "properties": {
                    **{f"{name}:{key.name}": _property(key) for key in KEYS.values()},
                    **{key: {"description": meaning, **ENCRYPTED} for key, meaning in oci_profile.SECRETS.items()},
                    "policy:exceptions": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Rules of the policy pack which this stack may break.",
                    },
                },
                # Of providers (oci:region) and of Pulumi itself; a key of ours that is not above is a misspelt one.
                "patternProperties": {f"^(?!({project}|policy):)[^:]+:.": True},
            },
            "environment": {
                "description": "Pulumi ESC environments whose values the stack takes.",
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}],
            },
            "encryptionsalt": {"type": "string", "description": "Pulumi's: of the passphrase of the stack's secrets."},
            "encryptedkey": {"type": "string", "description": "Pulumi's: the encrypted key of the stack's secrets."},
            "secretsprovider": {"type": "string", "description": "Pulumi's: what encrypts the stack's secrets."},
        },
        "definitions": {"secure": ENCRYPTED},
    }


def _property(key: Key) -> Schema:
    described = {"description": key.description}
    if key.secret and key.type != "object":
        return {**described, **ENCRYPTED}
    # Anything else may be encrypted, and Pulumi decrypts it before the program looks at it.
    encrypted = [] if key.name in NOT_ENCRYPTED else [SECURE]
    forms = [_plain(key), *([TEXTS[key.type]] if key.type in TEXTS else []), *encrypted]
    return {**described, "default": key.default, "anyOf": forms}


def _plain(key: Key) -> Schema:
    if key.type == "object":
        if key.name in NOT_ENCRYPTED:
            return dict(key.accepts)
        content = dict(key.accepts["additionalProperties"])
        if key.secret:
            content["pattern"] = PLAIN
        return {**key.accepts, "additionalProperties": {"anyOf": [content, SECURE]}}
    if key.type == "array":
        return {**key.accepts, "items": {"anyOf": [key.accepts["items"], SECURE]}}
    return dict(key.accepts)
