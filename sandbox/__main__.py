"""`python -m sandbox`: what `make local` and the tests call."""

from __future__ import annotations

import argparse
import fcntl
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sandbox import check, down, paths, status, up
from sandbox.process import SandboxError
from sandbox.progress import Progress, report_error


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0, 1 with an error on standard error, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Oracle Cloud on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    upping = commands.add_parser("up", help="have everything there and running")
    upping.add_argument("--stack", default="local", help="what this stack needs: one with a cluster needs more")
    commands.add_parser("prepare-preview", help="have what a preview needs; no container")
    commands.add_parser("status", help="what is there")
    commands.add_parser("clean", help="take everything back and delete the sandbox's folder")
    checking = commands.add_parser("check", help="does the app answer through its stack's tunnel?")
    checking.add_argument("--stack", default="local")
    tunneling = commands.add_parser("tunnel", help="open the tunnel to the app of a stack, until Ctrl-C")
    tunneling.add_argument("--stack", default="local")
    taking = commands.add_parser(
        "down", help="destroy the sandbox's stacks; stop everything unless a test's stack needs it"
    )
    taking.add_argument("--force", action="store_true", help="remove everything of every stack, without asking Pulumi")
    chosen = parser.parse_args(arguments)
    say = functools.partial(print, " ", flush=True)
    actions: dict[str, Callable[[], None]] = {
        "up": lambda: _timed("the sandbox", lambda progress: up.everything(progress, chosen.stack)),
        "prepare-preview": lambda: _timed("what a preview needs", up.preview),
        "status": lambda: status.status(say),
        "check": lambda: check.check(chosen.stack, say),
        "tunnel": lambda: check.hold_tunnel(chosen.stack, say),
        "down": lambda: _alone(lambda: down.down(say, force=chosen.force)),
        "clean": lambda: _alone(down.clean),
    }
    try:
        actions[chosen.command]()
    except SandboxError as error:
        return report_error(error)
    except KeyboardInterrupt:
        print("\ninterrupted; run it again and it goes on where it stopped", file=sys.stderr)
        return 130
    return 0


def _timed(title: str, action: Callable[[Progress], None]) -> None:
    progress = Progress(title)
    _alone(lambda: action(progress))
    progress.finish()


def _alone(action: Callable[[], None]) -> None:
    """One run at a time; the kernel drops the lock of a run that dies."""
    with _lock():
        action()


@contextmanager
def _lock() -> Iterator[None]:
    paths.HOME.mkdir(parents=True, exist_ok=True)
    with (paths.HOME / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  another run is at work in this sandbox; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
