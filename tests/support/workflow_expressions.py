"""Evaluates expressions of GitHub's workflows, as far as ours use the language. Anything else is an error.

Source: GitHub, "Evaluate expressions in workflows and actions". `&&` and `||` return an operand; null, "", 0 and false are false;
comparisons of strings ignore case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Contexts = Mapping[str, Mapping[str, Any]]

# In these contexts a missing name is "". In all others it is an error.
_OPEN = ("vars", "secrets", "inputs", "env")
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<op>&&|\|\||==|!=|[!()])|(?P<name>[A-Za-z_][\w.-]*)|(?P<rest>\S))"
)
_INSERTED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class UnknownExpressionError(AssertionError):
    """An unknown function, operator or name."""


def insert(text: str, contexts: Contexts, status: Mapping[str, bool]) -> Any:
    """Evaluate the expressions in a value of a workflow. A value that is only an expression keeps its type."""
    whole = re.fullmatch(r"\s*\$\{\{((?:(?!\}\}).)*)\}\}\s*", text, re.DOTALL)
    if whole:
        return evaluate(whole[1], contexts, status)
    return _INSERTED.sub(lambda found: as_text(evaluate(found[1], contexts, status)), text)


def evaluate(text: str, contexts: Contexts, status: Mapping[str, bool]) -> Any:
    """Evaluate an expression without its braces. status: results of always(), success() and the like."""
    return _Parser(text, contexts, status).whole()


def as_text(value: Any) -> str:
    """The value as part of a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value)


class _Parser:
    def __init__(self, text: str, contexts: Contexts, status: Mapping[str, bool]) -> None:
        self._text, self._contexts, self._status = text, contexts, status
        self._tokens = [(str(found.lastgroup), found[str(found.lastgroup)]) for found in _TOKEN.finditer(text)]
        self._functions: dict[str, Callable[[Any], Any]] = {"fromJSON": json.loads}

    def whole(self) -> Any:
        value = self._either()
        if self._tokens:
            self._unknown(self._tokens[0][1])
        return value

    def _unknown(self, what: str) -> Any:
        raise UnknownExpressionError(f"{what!r} in the expression {self._text.strip()!r}")

    def _next(self, *wanted: str) -> bool:
        if self._tokens and self._tokens[0][0] == "op" and self._tokens[0][1] in wanted:
            self._tokens.pop(0)
            return True
        return False

    def _either(self) -> Any:
        value = self._both()
        while self._next("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._compared()
        while self._next("&&"):
            other = self._compared()
            value = value and other
        return value

    def _compared(self) -> Any:
        value = self._single()
        for operator in ("==", "!="):
            if self._next(operator):
                return _equal(value, self._single()) == (operator == "==")
        return value

    def _single(self) -> Any:
        if self._next("!"):
            return not self._single()
        if self._next("("):
            value = self._either()
            return value if self._next(")") else self._unknown("( without )")
        if not self._tokens:
            return self._unknown("the end")
        kind, token = self._tokens.pop(0)
        if kind == "string":
            return token[1:-1].replace("''", "'")
        if kind != "name":
            return self._unknown(token)
        return self._call(token) if self._next("(") else self._named(token)

    def _call(self, name: str) -> Any:
        if name in self._functions:
            value = self._functions[name](self._either())
        elif name in self._status:
            value = self._status[name]
        else:
            return self._unknown(f"{name}()")
        return value if self._next(")") else self._unknown("( without )")

    def _named(self, path: str) -> Any:
        root, *names = path.split(".")
        if root not in self._contexts:
            return self._unknown(root)
        value: Any = self._contexts[root]
        for name in names:
            if not isinstance(value, Mapping) or (name not in value and root not in _OPEN):
                return self._unknown(path)
            value = value.get(name, "")
        return value


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is type(other):
        return bool(one == other)
    return as_text(one) == as_text(other)
