"""The build context of an image: an app's folder with what the apps share, laid out so that equal content is an equal context.

docker-build hashes the modes of the files too (source: pulumi-docker-build 0.0.22, context.go), and those depend on the umask of whoever
cloned the project: without this, the same commit would be another plan on another machine.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

from specs import dockerignore

SHARED = Path("docker/shared")
"""What the Dockerfiles of several apps use; in the context as `shared`."""

EXTRA = Path("extra/requirements.txt")
"""Packages beside the app's own, in the context; empty when there are none, unless the app has such a file."""

CACHES = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
"""Folders that Python and its tools leave beside sources: not the app's, and another on every machine."""

ALWAYS = frozenset({"Dockerfile", *dockerignore.FILES})
"""What the builder reads although .dockerignore may exclude it from what is copied."""


def lay_out(app: Path, target: Path, extra: Path | None = None) -> Path:
    """Copy the folder `app`, and the shared one beside it, to `target`; return that. `extra`: the file that becomes EXTRA.

    All files are copied but CACHES and what .dockerignore excludes; links are followed, and the app's own file wins over a shared one of
    its name. `left_out` names what cannot be copied. Modes are 644, or 755 where git's executable bit is set. What is there already and
    equal is left alone; what is too much is removed. If two previews of a stack run at once, the second waits for the first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _lay_out(app, target, extra)
    return target


def _lay_out(app: Path, target: Path, extra: Path | None) -> None:
    wanted = {"shared" / file.relative_to(SHARED): file for file in _files(SHARED)}
    wanted |= {file.relative_to(app): file for file in _files(app)}
    if extra:
        wanted[EXTRA] = extra.expanduser()
    for there in sorted(target.rglob("*"), reverse=True):
        # Folders come after what is in them.
        if there.is_dir() and not there.is_symlink():
            if not any(there.iterdir()):
                there.rmdir()
        elif there.relative_to(target) not in (*wanted, EXTRA):
            there.unlink()
    for relative, source in wanted.items():
        _place(source.read_bytes(), 0o755 if source.stat().st_mode & 0o100 else 0o644, target / relative)
    if EXTRA not in wanted:
        _place(b"", 0o644, target / EXTRA)


def left_out(app: Path) -> list[Path]:
    """What `lay_out` cannot copy: links to nothing or to a folder around them, sockets, pipes."""
    return [path for path in _wanted(app) if not path.is_file()]


def _files(folder: Path) -> list[Path]:
    return [path for path in _wanted(folder) if path.is_file()]


def _wanted(root: Path) -> Iterator[Path]:
    """What is in a folder and in those below it, without folders, except a link to one of the folders that it is in."""
    ignore = dockerignore.read(root)

    def below(folder: Path, around: frozenset[Path]) -> Iterator[Path]:
        around |= {folder.resolve()}
        for path in sorted(folder.iterdir()):
            relative = path.relative_to(root)
            if path.is_dir() and path.resolve() not in around:
                if path.name not in CACHES and not ignore.excludes_all_in(relative):
                    yield from below(path, around)
            elif path.name in ALWAYS or not ignore.excludes(relative):
                yield path

    return below(root, frozenset())


def _place(content: bytes, mode: int, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file() or target.read_bytes() != content:
        # In one step: another `up` of the same stack may read it now.
        unfinished = target.with_name(f".{target.name}.unfinished")
        unfinished.write_bytes(content)
        unfinished.chmod(mode)
        unfinished.replace(target)
    if target.stat().st_mode & 0o777 != mode:
        target.chmod(mode)
