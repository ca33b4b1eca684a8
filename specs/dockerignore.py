"""The files that .dockerignore excludes from a build context (sources: moby/patternmatcher; pulumi-docker-build 0.0.22, context.go)."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from specs.build_inputs import BuildInputError, text_of
from specs.checks import is_file

FILES = ("Dockerfile.dockerignore", ".dockerignore")
"""Its names; the first that exists counts."""

_PARTS = re.compile(r"\*\*/?|\*|\?|\[[^\]]*\]|\\?.", re.DOTALL)
_AS_REGEX = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Dockerignore:
    """The patterns of a file, in order. A pattern that begins with ! includes again what earlier ones exclude."""

    patterns: tuple[str, ...] = ()

    def excludes(self, path: PurePath) -> bool:
        """Whether the last pattern that matches a path (relative to the context) or one of its parents excludes it."""
        places = [place.as_posix() for place in (path, *path.parents[:-1])]
        excluded = False
        for pattern in self.patterns:
            if any(_regex(pattern.removeprefix("!")).fullmatch(place) for place in places):
                excluded = not pattern.startswith("!")
        return excluded

    def excludes_all_in(self, folder: PurePath) -> bool:
        """Whether a folder is excluded, and no pattern includes anything in it."""
        below = f"{folder.as_posix()}/"
        heads = [re.split(r"[*?\[\\]", pattern[1:])[0] for pattern in self.patterns if pattern.startswith("!")]
        return self.excludes(folder) and not any(head.startswith(below) or below.startswith(head) for head in heads)


def read(context: Path) -> Dockerignore:
    """The patterns of a context; none without a file. Raises BuildInputError, which here begins with the file's name."""
    for file in filter(is_file, (context / name for name in FILES)):
        try:
            lines = [line.strip() for line in text_of(file, "utf-8-sig").splitlines()]
            patterns = tuple(_clean(line) for line in lines if line and not line.startswith("#"))
            for pattern in patterns:
                _regex(pattern.removeprefix("!"))
        except BuildInputError as error:
            raise BuildInputError(f"{file} {error}") from None
        except re.error as error:
            raise BuildInputError(f"{file} has an invalid pattern: {pattern} ({error.msg})") from None
        return Dockerignore(patterns)
    return Dockerignore()


def _clean(line: str) -> str:
    negation = "!" if line.startswith("!") else ""
    return negation + posixpath.normpath(line.removeprefix("!").strip()).lstrip("/")


def _regex(pattern: str) -> re.Pattern[str]:
    parts = (
        part if part.startswith("[") and len(part) > 1 else _AS_REGEX.get(part) or re.escape(part[-1])
        for part in _PARTS.findall(pattern)
    )
    return re.compile("".join(parts), re.DOTALL)
