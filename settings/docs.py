"""What is written from the fields of the sections: Pulumi.yaml's `config` block, the schema of stack files, the table of keys."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from settings import TARGETS, stack_schema
from settings.key import KEYS, Key

PAGE = """\
# Configuration

<!-- Written by `make docs` from settings/. -->

All keys that a stack may set. A key that is not set has its default, so a stack's file, `Pulumi.<stack>.yaml`, is a few lines.
Three ways to set a key of the selected stack:

```
pulumi config set ocpus 1                                  # a value
pulumi config set --secret password                        # a secret: asked for, and encrypted in the file
pulumi config set --path 'sshNetworks[0]' 203.0.113.7/32   # one of a list; of an object: 'environment.NAME'
```

Editors with the YAML language server (VS Code's YAML extension, Neovim and others) complete and check these files by
`docs/stack.schema.json`, which the first line of each names; copy that line into a new file. Leave an empty line
after a file's first comments: without it Pulumi deletes them.

A wrong value stops `pulumi up` before anything is made, and the error has the command that fixes it. The same holds for rules between keys.
"""
TABLE = """\
| key | type | default | accepts | meaning |
|---|---|---|---|---|
"""
WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Indents lists, as the project's YAML files do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Ignore `indentless`."""
        super().increase_indent(flow, False)


def files(project_file: str) -> dict[str, str]:
    """Path in the project to content. project_file: of Pulumi.yaml as it is."""
    schema = stack_schema.stack_schema(yaml.safe_load(project_file)["name"])
    return {
        "Pulumi.yaml": _project_file(project_file),
        "docs/configuration.md": _page(),
        "docs/stack.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
    }


def titles() -> dict[str, list[Key]]:
    """Heading to keys."""
    sections = dict.fromkeys(section for model in TARGETS.values() for section in model.section_types().values())
    return {
        (section.__doc__ or "").rstrip("."): [key for key in KEYS.values() if key.section is section]
        for section in sections
    }


def targets(key: Key) -> list[str]:
    """The targets that use it."""
    return [target for target, model in TARGETS.items() if key.section in model.section_types().values()]


def describe(key: Key) -> str:
    """Its description for Pulumi.yaml and the table: with secret, required and target."""
    only = targets(key)
    parts = [
        "Secret." if key.secret else "",
        key.description,
        "Must be set." if key.required else "",
        "" if len(only) == len(TARGETS) else f"Target {only[0]} only.",
    ]
    return " ".join(part for part in parts if part)


def _range(key: Key) -> str:
    least, most = key.accepts.get("minimum"), key.accepts.get("maximum")
    if least is None:
        return ""
    return f"{least} or more" if most is None else f"{least} to {most}"


def _project_file(project_file: str) -> str:
    """Pulumi.yaml with a new `config` block."""
    head, found, rest = project_file.partition("\nconfig:\n")
    assert found, "Pulumi.yaml has no config block"  # noqa: S101 - of this repository
    after = re.search(r"^\S[\s\S]*", rest, re.MULTILINE)
    blocks = [_block(title, keys) for title, keys in titles().items()]
    return f"{head}{found}{''.join(blocks)}{after[0] if after else ''}"


def _block(title: str, keys: list[Key]) -> str:
    heading = f"  # --- {title} "
    entries = {key.name: _entry(key) for key in keys}
    text = yaml.dump(entries, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"{heading:-<100}\n" + "".join(f"  {line}\n" for line in text.splitlines())


def _entry(key: Key) -> dict[str, Any]:
    items = {"items": {"type": key.accepts["items"]["type"]}} if key.type == "array" else {}
    limits = f" Range: {_range(key)}." if _range(key) else ""
    return {"type": key.type, **items, "default": key.default, "description": describe(key) + limits}


def _page() -> str:
    tables = (f"\n## {title}\n\n{TABLE}" + "".join(_row(key) for key in keys) for title, keys in titles().items())
    return PAGE + "".join(tables)


def _row(key: Key) -> str:
    item = key.accepts.get("items", {}).get("type")
    cells = [
        f"`{key.name}`",
        ("secret " if key.secret else "") + key.type + (f" of {item}s" if item else ""),
        "" if key.required else _default(key),
        _accepts(key),
        describe(key).removeprefix("Secret. "),
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
        return _range(key)
    form = (accepts["items"] if key.type == "array" else accepts).get("patternErrorMessage", "")
    if form:
        return str(form).removeprefix("must be ")
    return f"such as `{key.example}`" if key.example and not key.secret and key.type != "object" else ""


def _escaped(text: str) -> str:
    """Text of a table's cell: `|` would end it, and `<word>` outside of code would become HTML."""
    parts = re.split(r"(`[^`]*`)", text.replace("\n", " ").replace("|", r"\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)
