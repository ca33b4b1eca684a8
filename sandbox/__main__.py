"""`python -m sandbox`: the commands behind `make local` and the tests."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Sequence

from sandbox import check, down, paths, status, up
from sandbox.process import SandboxError, alone
from sandbox.progress import Progress, report_error


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 0, 1 after an error, 130 after an interrupt."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Emulate Oracle Cloud on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    upping = commands.add_parser("up", help="start everything that a stack needs")
    upping.add_argument("--stack", default="local", help="a stack with target kubernetes needs more")
    commands.add_parser("prepare-preview", help="install what previews need; starts no container")
    commands.add_parser("status", help="list services, machines and stacks")
    commands.add_parser("clean", help="remove everything and delete the sandbox's folder")
    checking = commands.add_parser("check", help="check that the app answers through its tunnel")
    checking.add_argument("--stack", default="local")
    tunneling = commands.add_parser("tunnel", help="open the tunnel to the app until Ctrl-C")
    tunneling.add_argument("--stack", default="local")
    taking = commands.add_parser(
        "down", help="destroy the sandbox's stacks, then stop everything unless a stack of a test remains"
    )
    taking.add_argument(
        "--force", action="store_true", help="remove everything of every stack without `pulumi destroy`"
    )
    chosen = parser.parse_args(arguments)
    say = functools.partial(print, " ", flush=True)
    actions: dict[str, Callable[[], None]] = {
        "up": lambda: _timed("the sandbox", lambda progress: up.everything(progress, chosen.stack)),
        "prepare-preview": lambda: _timed("the tools for previews", up.preview),
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
        print("\ninterrupted; run it again to continue", file=sys.stderr)
        return 130
    return 0


def _timed(title: str, action: Callable[[Progress], None]) -> None:
    progress = Progress(title)
    _alone(lambda: action(progress))
    progress.finish()


def _alone(action: Callable[[], None]) -> None:
    """Run one command at a time in this sandbox."""
    with alone(paths.HOME / ".lock", lambda: print("  waiting for another run in this sandbox", flush=True)):
        action()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
