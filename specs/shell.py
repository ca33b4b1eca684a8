"""Text from a configuration, a file or the cloud inside messages and commands, safe to show and to paste whatever it is.

A stack file may come from a stranger: a line end could begin another command, an escape sequence could hide one on the terminal.
"""

from __future__ import annotations

import shlex

LONGEST = 400
"""Characters of a problem that are shown."""


def printable(text: str, longest: int = LONGEST) -> str:
    """The text in one line: what a terminal would not print as it is (control characters, line ends, changes of direction) escaped."""
    shown = text if len(text) <= longest else f"{text[:longest]}…"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in shown)


def quoted(word: str) -> str:
    """One word of a command line for bash and zsh, in one line."""
    if word.isprintable():
        return shlex.quote(word)
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(letter if letter.isprintable() else _bytes(letter) for letter in plain) + "'"


def _bytes(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode(errors="replace"))
