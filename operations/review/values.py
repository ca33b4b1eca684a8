"""Values of properties, safe inside Markdown; secrets and unknown values appear by name only.

A value may come from a stranger's fork. Every value becomes a code span of printable characters in one line. There it cannot end the line,
mention a person, link to a page or be HTML (source: GitHub Flavored Markdown, 6.3: nothing is parsed inside a code span).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from specs.shell import printable

SECRET = "[secret]"  # noqa: S105 - a placeholder
UNKNOWN = "[unknown until up]"
ABSENT = "[none]"
LONGEST = 200
"""Characters shown of a value."""
LEAD = 40
"""Characters shown before the first difference."""

# Source: pulumi, sdk/go/common/resource/sig.go.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker
# Source: pulumi, sdk/go/common/resource/plugin/rpc.go: the engine writes one of these for an unknown value, by its type.
_UNKNOWNS = re.compile(
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7|3eeb2bf0-c639-47a8-9e75-3b44932eb421|04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    "|6a19a0b0-7e62-4c92-b797-7f8e31da9cc2|030794c1-ac77-496b-92df-f27374a8bd58|e48ece36-62e2-4504-bad9-02848725956a"
    "|dd056dcd-154b-4c76-9bd3-c8f88648b5ff"
)


def is_secret(value: object) -> bool:
    """Return whether the value contains a secret, at any depth."""
    if isinstance(value, Mapping):
        if value.get(_SIGNATURE) == _SECRET_SIGNATURE:
            return True
        return any(is_secret(part) for part in value.values())
    return isinstance(value, list) and any(is_secret(part) for part in value)


def show(value: object) -> str:
    """Return the value as a code span: a text without quotes, anything else as JSON, shortened."""
    return code(_text(value))


def show_both(before: object, after: object) -> tuple[str, str]:
    """Return two values as code spans. Long values with the same beginning start shortly before their first difference."""
    texts = _text(before), _text(after)
    differ = (place for place, (one, other) in enumerate(zip(*texts, strict=False)) if one != other)
    skipped = next(differ, min(map(len, texts))) - LEAD
    if skipped <= 0 or max(map(len, texts)) <= LONGEST:
        return code(texts[0]), code(texts[1])
    return code(f"…{texts[0][skipped:]}"), code(f"…{texts[1][skipped:]}")


def _text(value: object) -> str:
    readable = _readable(value)
    return readable if isinstance(readable, str) else json.dumps(readable, ensure_ascii=False)


def code(text: str, longest: int = LONGEST) -> str:
    """Return the text as a Markdown code span in one line."""
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text)} characters)"
    # Escapes line ends, control characters and those that change the direction of the text.
    text = printable(text, len(text)) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def block(text: str) -> str:
    """Return a text of several lines as a Markdown code block, without colours and control characters."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    lines = ["".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in line) for line in text.splitlines()]
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return "\n".join([f"{fence}text", *lines, fence])


def at(path: str, properties: Mapping[str, Any]) -> object:
    """Return the value at a property path such as `a.b[0]["c.d"]`: ABSENT if there is none, the secret for a path into a secret."""
    value: Any = properties
    for match in re.finditer(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)', path):
        quoted, index, key = match.groups()
        if value is not properties and isinstance(value, Mapping) and value.get(_SIGNATURE) == _SECRET_SIGNATURE:
            return value
        if index is not None:
            if not isinstance(value, list) or int(index) >= len(value):
                return ABSENT
            value = value[int(index)]
        else:
            name = key if quoted is None else quoted.replace('\\"', '"')
            if not isinstance(value, Mapping) or name not in value:
                return ABSENT
            value = value[name]
    return value


def _readable(value: object) -> object:
    if isinstance(value, Mapping):
        if value.get(_SIGNATURE) == _SECRET_SIGNATURE:
            return SECRET
        return {key: _readable(part) for key, part in value.items() if key != "__defaults"}
    if isinstance(value, list):
        return [_readable(part) for part in value]
    return _UNKNOWNS.sub(UNKNOWN, value) if isinstance(value, str) else value
