"""The simple commands of a shell script, as far as a policy has to tell them apart: no shell, and nothing is expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# One within another, not three.
_SUBSTITUTION = r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`"
_TOKEN = re.compile(
    rf"""(?P<space>(?:[ \t\r]|\\\n)+)
    | (?P<comment>\#[^\n]*)
    | (?P<redirection>&>>?|\d*(?:<<<|<<-?|<>|>>|>\||[<>]&?))
    | (?P<word>(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|{_SUBSTITUTION}|[^\s;&|()<>`'"\\])+)
    | (?P<end>[;&|()`\n]+)
    | .""",
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^'"\\]+)""", re.DOTALL)


def commands(script: str) -> Iterator[Sequence[str]]:
    """The words of each simple command, without quotes and redirections; also of what is in substitutions, here-documents and, as in
    `sudo bash -c '…'`, in words with white space.
    """
    words: list[str] = []
    into_file = False
    for token in _TOKEN.finditer(script):
        if token.lastgroup == "end":
            yield words
            words = []
        elif token.lastgroup == "word":
            word = _unquoted(token[0])
            for substitution in re.findall(_SUBSTITUTION, token[0]):
                yield from commands(substitution.strip("$`"))
            if word != token[0] and re.search(r"\s", word):
                yield from commands(word)
            if not into_file:
                words.append(word)
        if token.lastgroup != "space":
            into_file = token.lastgroup == "redirection"
    yield words


def _unquoted(word: str) -> str:
    pieces = []
    for single, double, escaped, plain in _PIECE.findall(word):
        inside = re.sub(r'\\(["\\$`]|\n)', lambda found: found[1].strip("\n"), double)
        pieces.append(single + inside + escaped.strip("\n") + plain)
    return "".join(pieces)
