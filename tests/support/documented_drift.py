"""The tables of docs/drift.md, which the tests of drift check."""

from __future__ import annotations

import re

from tests.support.stack import ROOT


def rows(heading: str) -> set[str]:
    """The first column of the table under a heading."""
    text = (ROOT / "docs" / "drift.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE)) - {"by hand"}
