"""Lays out the build context of an image: an app's folder and the folder that all apps share.

docker-build hashes the modes of files (source: pulumi-docker-build 0.0.22, context.go), and those of a checkout depend on the umask. This
sets them, so that one commit has one plan on all machines.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

from specs import dockerignore

SHARED = Path("docker/shared")
"""Used by several Dockerfiles; `shared` in the context."""

EXTRA = Path("extra/requirements.txt")
"""The list of extra packages in the context; empty if there are none, unless the app has such a file."""

CACHES = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
"""Folders that Python and its tools leave beside sources."""

ALWAYS = frozenset({"Dockerfile", *dockerignore.FILES})
"""The builder reads these files even if .dockerignore excludes them."""


def lay_out(app: Path, target: Path, extra: Path | None = None) -> Path:
    """Copy the folder `app` and the shared folder to `target`; return `target`. `extra`: the file that becomes EXTRA.

    Copies everything except CACHES and the files that .dockerignore excludes, and follows links. An app's file replaces a shared one with
    the same name. `left_out` lists what cannot be copied. Modes are 644, or 755 for executables. Equal files in `target` stay, others are
    removed. If two previews of a stack run at the same time, the second waits for the first.
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
    for path in sorted(target.rglob("*"), reverse=True):
        # A folder comes after its content.
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(target) not in (*wanted, EXTRA):
            path.unlink()
    for relative, source in wanted.items():
        _place(source.read_bytes(), 0o755 if source.stat().st_mode & 0o100 else 0o644, target / relative)
    if EXTRA not in wanted:
        _place(b"", 0o644, target / EXTRA)


def left_out(app: Path) -> list[Path]:
    """What `lay_out` cannot copy: links to nothing or to a parent folder, sockets, pipes."""
    return [path for path in _wanted(app) if not path.is_file()]


def _files(folder: Path) -> list[Path]:
    return [path for path in _wanted(folder) if path.is_file()]


def _wanted(root: Path) -> Iterator[Path]:
    """The files in a folder and below; also a link to a parent folder, which cannot be followed."""
    ignore = dockerignore.read(root)

    def below(folder: Path, parents: frozenset[Path]) -> Iterator[Path]:
        parents |= {folder.resolve()}
        for path in sorted(folder.iterdir()):
            relative = path.relative_to(root)
            if path.is_dir() and path.resolve() not in parents:
                if path.name not in CACHES and not ignore.excludes_all_in(relative):
                    yield from below(path, parents)
            elif path.name in ALWAYS or not ignore.excludes(relative):
                yield path

    return below(root, frozenset())


def _place(content: bytes, mode: int, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file() or target.read_bytes() != content:
        # In one step, because another `up` of the stack may read it now.
        unfinished = target.with_name(f".{target.name}.unfinished")
        unfinished.write_bytes(content)
        unfinished.chmod(mode)
        unfinished.replace(target)
    if target.stat().st_mode & 0o777 != mode:
        target.chmod(mode)
