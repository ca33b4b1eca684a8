"""Evaluates expressions of GitHub's workflows by translating them to Python. Anything that ours do not use is an error.

Source: GitHub, "Evaluate expressions in workflows and actions". Like Python's `and` and `or`, `&&` and `||` return an operand. Comparisons
of strings ignore case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Contexts = Mapping[str, Mapping[str, Any]]

# In these contexts a missing name is "". In all others it is an error.
_OPEN = ("vars", "secrets", "inputs", "env")
_TOKEN = re.compile(
    r"'(?P<string>(?:[^']|'')*)'|(?P<operator>&&|\|\||==|!=|!(?=\w+\()|[()])|(?P<name>[A-Za-z_][\w.-]*)|\s+|(?P<rest>.)"
)
_PYTHON = {"&&": " and ", "||": " or ", "!": " not "}
_INSERTED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class UnknownExpressionError(AssertionError):
    """An unknown function, operator or name."""


class _Text(str):
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __ne__(self, other: object) -> bool:
        return not self == other


def insert(text: str, contexts: Contexts, status: Mapping[str, bool]) -> Any:
    """Evaluate the expressions in a value of a workflow. A value that is only an expression keeps its type."""
    whole = re.fullmatch(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", text, re.DOTALL)
    if whole:
        return evaluate(whole[1], contexts, status)
    return _INSERTED.sub(lambda found: as_text(evaluate(found[1], contexts, status)), text)


def evaluate(text: str, contexts: Contexts, status: Mapping[str, bool]) -> Any:
    """Evaluate an expression without its braces. status: results of always(), success() and the like."""
    values: list[Any] = []
    code = ""
    for found in _TOKEN.finditer(text):
        if found["rest"]:
            raise UnknownExpressionError(f"{found['rest']!r} in the expression {text.strip()!r}")
        if found["operator"]:
            code += _PYTHON.get(found["operator"], found["operator"])
        elif found["string"] is not None or found["name"]:
            code += f" values[{len(values)}]"
            string, name = found["string"], found["name"]
            values.append(_named(name, contexts, status) if name else string.replace("''", "'"))
    values = [_Text(value) if isinstance(value, str) else value for value in values]
    try:
        value = eval(code.strip(), {"__builtins__": {}, "values": values})  # noqa: S307
    except (SyntaxError, TypeError) as error:
        raise UnknownExpressionError(f"{error} in the expression {text.strip()!r}") from None
    return str(value) if isinstance(value, str) else value


def as_text(value: Any) -> str:
    """The value as part of a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


def _named(path: str, contexts: Contexts, status: Mapping[str, bool]) -> Any:
    if path == "fromJSON":
        return json.loads
    if path in status:
        return lambda: status[path]
    root, *names = path.split(".")
    value: Any = contexts.get(root)
    for name in names:
        if not isinstance(value, Mapping) or (name not in value and root not in _OPEN):
            raise UnknownExpressionError(path)
        value = value.get(name, "")
    if value is None and not names:
        raise UnknownExpressionError(path)
    return value
