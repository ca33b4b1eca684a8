"""docs/configuration.md: the table of all keys, for people."""

from __future__ import annotations

import json
import re

from settings.contract import Contract, Key
from specs.complaints import EXAMPLES, FORMS

INTRODUCTION = """\
# Configuration

<!-- Written by `make docs` from Pulumi.yaml and settings/. -->

All that a stack may set. What is not set has its default, so a stack's file, `Pulumi.<stack>.yaml`, holds a few lines. Three ways to set a
key of the stack that is selected:

```
pulumi config set ocpus 1                                  # a value
pulumi config set --secret password                        # a secret: asked for, and encrypted in the file
pulumi config set --path 'sshNetworks[0]' 203.0.113.7/32   # one of a list; of an object: 'environment.NAME'
```

Editors with the YAML language server (VS Code's YAML extension, Neovim and others) complete and check these files by
`docs/stack.schema.json`, which the first line of each names; copy it into a new one. An empty line after a file's first
comments keeps them, whatever Pulumi writes.

A wrong value stops `pulumi up` before anything is made, with the command that mends it. So do rules between keys, which are told where
they are broken.
"""
HEADER = """\
| key | type | default | accepts | meaning |
|---|---|---|---|---|
"""


def reference(contract: Contract) -> str:
    """The page, as Markdown."""
    tables = (
        f"\n## {title[0].upper()}{title[1:]}\n\n{HEADER}" + "".join(_row(key) for key in keys)
        for title, keys in contract.sections.items()
    )
    return INTRODUCTION + "".join(tables)


def _row(key: Key) -> str:
    item = key.accepts.get("items", {}).get("type")
    cells = [
        f"`{key.name}`",
        ("secret " if key.secret else "") + key.type + (f" of {item}s" if item else ""),
        "" if key.refused_default else _default(key),
        _accepts(key),
        key.description + ("" if key.of_every_target else f" *Target {' and '.join(key.targets)} only.*"),
    ]
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |\n"


def _default(key: Key) -> str:
    if key.default == "":
        return "empty"
    return f"`{key.default if isinstance(key.default, str) else json.dumps(key.default)}`"


def _accepts(key: Key) -> str:
    accepts = key.accepts
    if "enum" in accepts:
        return ", ".join(f"`{choice}`" for choice in accepts["enum"])
    if key.type == "boolean":
        return "`true`, `false`"
    if "minimum" in accepts:
        return (
            f"{accepts['minimum']} to {accepts['maximum']}" if "maximum" in accepts else f"{accepts['minimum']} or more"
        )
    if key.type == "object":
        name, content = FORMS.get(f"{key.name} name"), FORMS.get(key.name)
        return "; ".join([f"as name {name}", *([f"as content {content}"] if content else [])])
    if key.secret:
        return f"{accepts['minLength']} characters or more" if accepts.get("minLength", 0) > 1 else ""
    if key.name in FORMS:
        return FORMS[key.name]
    return f"such as `{EXAMPLES[key.name]}`" if key.name in EXAMPLES else ""


def _escaped(text: str) -> str:
    """Text of a table's cell: `|` would end it, and `<word>` outside of code be taken for HTML."""
    parts = re.split(r"(`[^`]*`)", text.replace("\n", " ").replace("|", r"\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)
