"""`python3 -m operations.interrupted [--stack NAME] [--pulumi COMMAND] [--found "RESOURCE=ID RESOURCE=none …"]`.

Prints nothing and ends with 0 if no operation is pending. Ends with 1 and an error if a question is open, an answer is wrong, or Pulumi
fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from operations.interrupted.repair import repair
from operations.interrupted.stack import Stack, UnresolvedError


def main(arguments: Sequence[str]) -> int:
    """Repair the stack; return the exit status, 0 if `up` may begin."""
    parser = argparse.ArgumentParser("python3 -m operations.interrupted", description="Repair a stack after a kill.")
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--pulumi", default="pulumi", help="command that runs Pulumi")
    parser.add_argument("--found", default="", help="answers: <resource>=<id>, or <resource>=none, separated by spaces")
    options = parser.parse_args(arguments)
    try:
        for line in repair(Stack(options.stack, options.pulumi), options.found.split()):
            print(line, flush=True)
    except UnresolvedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
