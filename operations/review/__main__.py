"""`python3 -m operations.review preview|up|drift --pulumi COMMAND --stack STACK [--summary FILE] [--plan FILE] -- ARGS`.

The exit code is the engine's: 0 for success, 7 if `drift` found some. A plan that no longer fits ends with 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from operations.review.drift import drift_summary
from operations.review.engine import DRIFT_OR_CHANGES, EngineError, Run, output, run
from operations.review.events import WITHHELD, Events
from operations.review.plan import (
    PlanError,
    Record,
    add,
    changed_configuration,
    changed_steps,
    load,
    outline,
    state_digest,
)
from operations.review.remedy import make
from operations.review.summary import first_line, summary
from specs.shell import quoted

REFUSED = 1
# `preview` does not have these flags of `up`.
_UP_FLAGS = {"--yes", "-y", "--skip-preview", "-f"}


def main(arguments: Sequence[str]) -> int:
    """Run the operation on the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m operations.review", description=__doc__)
    parser.add_argument("operation", choices=["preview", "up", "drift"])
    parser.add_argument("--pulumi", required=True, help="command that runs Pulumi")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--summary", type=Path, help="Markdown file to write")
    parser.add_argument("--plan", type=Path, help="plan to write (preview) or to apply (up)")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options, flags = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    try:
        first_line(options.operation, options.stack, "")
    except ValueError as error:
        parser.error(str(error))
    for file in (options.summary, options.plan):
        # After an `up` it would be too late for this error.
        if file and not file.parent.is_dir():
            parser.error(f"{file}: the folder {file.parent} does not exist")
    pulumi, stack, plan, file = options.pulumi, options.stack, options.plan, options.summary
    try:
        if options.operation == "drift":
            return _drift(pulumi, stack, file, flags)
        if options.operation == "up" and plan:
            return _planned_up(pulumi, stack, plan, file, flags)
        return _operation(options.operation, pulumi, stack, plan, file, flags)
    except (EngineError, PlanError) as error:
        print(f"error: {error}", file=sys.stderr)
        if options.operation == "drift":
            _write(file, drift_summary(stack, pulumi, Events(), "failed", str(error)))
        else:
            _write(file, summary(options.operation, stack, Events(), failed=True, printed=str(error)))
        return REFUSED


def _operation(
    operation: str, pulumi: str, stack: str, plan: Path | None, file: Path | None, flags: Sequence[str]
) -> int:
    state, saving = "", []
    if plan:
        # A failed preview must not leave an earlier plan.
        plan.unlink(missing_ok=True)
        # Read before the preview: if another `up` runs meanwhile, the plan is refused.
        state, saving = _state(pulumi, stack), ["--save-plan", str(plan)]
    done = run(pulumi, stack, [operation, *saving, *flags])
    _write(file, summary(operation, stack, done.events, failed=_failed(done), printed=done.printed))
    if plan and done.code == 0:
        add(plan, Record(stack, state, outline(done.events.steps)))
    return done.code


def _planned_up(pulumi: str, stack: str, plan: Path, file: Path | None, flags: Sequence[str]) -> int:
    flags = [flag for flag in flags if flag not in _UP_FLAGS]
    again = f"Review it again: `{make('preview', stack, pulumi, quoted(f'PLAN={plan}'))}`."
    try:
        changed = _changes_since_review(pulumi, stack, plan, flags)
    except (EngineError, PlanError) as error:
        raise PlanError(f"{error}\nNothing was done.") from None
    if changed:
        listed = "\n".join(f"  - {one}" for one in changed)
        raise PlanError(f"This has changed since the review of the plan:\n{listed}\nNothing was done. {again}")
    # The review was the confirmation. The engine previews once more before it begins, held to the plan.
    done = run(pulumi, stack, ["up", "--yes", "--plan", str(plan), *flags], withhold=True)
    if not done.violates_plan:
        _write(file, summary("up", stack, done.events, failed=_failed(done), printed=done.printed))
        return done.code
    names = ", ".join(dict.fromkeys(error.resource for error in done.events.errors if WITHHELD in error.text))
    extent = "Nothing was done." if done.events.planning else "The steps before it are in the stack's state."
    raise PlanError(
        f"{names or 'A resource'} violates the plan: its properties or options have changed (the values are withheld, they may contain"
        f" secrets).\n{extent} {again}"
    )


def _changes_since_review(pulumi: str, stack: str, plan: Path, flags: Sequence[str]) -> list[str]:
    """Compare the plan with the stack's state, its configuration and the steps of a preview. Raises PlanError, EngineError."""
    reviewed = load(plan)
    if reviewed.stack != stack:
        raise PlanError(f"{plan} is a plan of the stack {reviewed.stack}, not of {stack}")
    if _state(pulumi, stack) != reviewed.state:
        return ["the stack's state: another `up`, `refresh` or `import` has changed it"]
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        now = Path(folder) / "plan.json"
        done = run(pulumi, stack, ["preview", "--save-plan", str(now), *flags])
        if done.code:
            raise PlanError("the preview to compare with the plan has failed")
        keys = changed_configuration(plan, now)
    configuration = [f"the configuration: {', '.join(keys)}"] if keys else []
    return [*configuration, *changed_steps(reviewed.outline, outline(done.events.steps))]


def _drift(pulumi: str, stack: str, file: Path | None, flags: Sequence[str]) -> int:
    done = run(pulumi, stack, ["refresh", "--preview-only", "--expect-no-changes", *flags])
    if warning := done.events.unreachable_cluster:
        # The provider then reports the objects in the cluster as deleted, because the program sets deleteUnreachable.
        raise EngineError(
            f"{warning}\nThe cluster was not compared: run this where its API can be reached (apiNetworks)."
        )
    outcome = {0: "none", DRIFT_OR_CHANGES: "found"}.get(done.code, "failed")
    _write(file, drift_summary(stack, pulumi, done.events, outcome, done.printed))
    return done.code


def _failed(done: Run) -> bool:
    return done.code not in (0, DRIFT_OR_CHANGES)


def _state(pulumi: str, stack: str) -> str:
    return state_digest(output(pulumi, stack, ["stack", "export"]))


def _write(file: Path | None, text: str) -> None:
    if file:
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
