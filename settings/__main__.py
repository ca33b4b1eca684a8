"""Writes what is made from the contract of the configuration: python -m settings, as `make docs` runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from settings import contract, reference, stack_schema

ROOT = Path(__file__).resolve().parents[1]


def written(project_file: str) -> dict[str, str]:
    """Path in the project to content, for this content of Pulumi.yaml. Raises contract.ContractError."""
    described = contract.read(project_file)
    return {
        "docs/configuration.md": reference.reference(described),
        "docs/stack.schema.json": json.dumps(stack_schema.stack_schema(described), indent=2, ensure_ascii=False) + "\n",
    }


def main() -> int:
    """The exit status: 0, or 1 with where Pulumi.yaml and settings disagree on standard error."""
    try:
        files = written((ROOT / "Pulumi.yaml").read_text())
    except contract.ContractError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path, content in files.items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(content)
        print(f"  wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
