"""Checks stack files against their schema: `python -m tests.support.stack_files [file …]`, by default all committed ones.

check-jsonschema would print the wrong values, which may be passwords in plain text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator, ValidationError

from specs.shell import printable
from tests.support.stack import PROJECT, ROOT

SCHEMA = ROOT / "docs/stack.schema.json"


def problems(document: Any) -> list[str]:
    """The errors in the content of a stack file, without any value."""
    validator = Draft7Validator(json.loads(SCHEMA.read_text()))
    return sorted({line for error in validator.iter_errors(document) for line in _messages(error)})


def _messages(error: ValidationError) -> Iterator[str]:
    place = [str(part) for part in error.absolute_path]
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties" and len(place) < 2:
        patterns = schema.get("patternProperties", {})
        for name in map(str, instance):
            if name not in schema["properties"] and not any(re.search(pattern, name) for pattern in patterns):
                yield f"{printable(name)}: is not a key of {place[0] if place else 'a stack file'}; docs/configuration.md lists them"
        return
    key = printable("".join(place[1:2] or place)) or "the file"
    if "secure" in schema.get("required", ()):
        yield f"{key}: has to be encrypted\n    pulumi config set --secret {key.removeprefix(f'{PROJECT}:')}"
    else:
        yield f"{key}: is not what docs/configuration.md says that it accepts"


def main(files: list[str]) -> int:
    """Print the errors and return the exit status: 1 if there are any."""
    wrong = 0
    for file in [Path(name) for name in files] or sorted(ROOT.glob("Pulumi.*.yaml")):
        try:
            found = problems(yaml.safe_load(file.read_text()))
        except yaml.MarkedYAMLError as error:
            # The text of the exception would quote the line.
            found = [
                f"is no YAML: {error.problem} in line {error.problem_mark.line + 1 if error.problem_mark else '?'}"
            ]
        for problem in found:
            print(f"{file.name}: {problem}")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
