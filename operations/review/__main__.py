"""`python3 -m operations.review preview|up|drift --pulumi COMMAND --stack STACK [--summary FILE] [--plan FILE] -- ARGS`.

The exit code is the engine's: 0 where all is well, for drift 7 where some was found. A plan that no longer fits ends with 1.
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
from operations.review.plan import PlanError, Record, add, load, moved_configuration, moved_steps, outline, state_digest
from operations.review.remedy import make
from operations.review.summary import first_line, summary
from specs.shell import quoted

REFUSED = 1
# Flags of `up` which a preview does not have.
_OF_UP_ALONE = {"--yes", "-y", "--skip-preview", "-f"}


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m operations.review", description=__doc__)
    parser.add_argument("operation", choices=["preview", "up", "drift"])
    parser.add_argument("--pulumi", required=True, help="command that runs Pulumi")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--summary", type=Path, help="Markdown file to write")
    parser.add_argument("--plan", type=Path, help="plan to write (preview) or to apply (up)")
    ours, args = _split(arguments)
    given = parser.parse_args(ours)
    try:
        first_line(given.operation, given.stack, "")
    except ValueError as error:
        parser.error(str(error))
    for file in (given.summary, given.plan):
        # Found out after an `up`, it would be too late.
        if file and not file.parent.is_dir():
            parser.error(f"{file}: there is no folder {file.parent}")
    if given.operation == "drift":
        return _drift(given.pulumi, given.stack, given.summary, args)
    if given.operation == "up" and given.plan:
        return _planned_up(given.pulumi, given.stack, given.plan, given.summary, args)
    try:
        return _operation(given.operation, given.pulumi, given.stack, given.plan, given.summary, args)
    except EngineError as error:
        print(error, file=sys.stderr)
        _write(given.summary, summary(given.operation, given.stack, Events(), failed=True, printed=str(error)))
        return REFUSED


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is ours, and after `--` what Pulumi is given."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def _operation(
    operation: str, pulumi: str, stack: str, plan: Path | None, file: Path | None, args: Sequence[str]
) -> int:
    state, saving = "", []
    if plan:
        # Where the preview fails, no plan of an earlier one is left.
        plan.unlink(missing_ok=True)
        # Before the preview: should another `up` come in between, the plan is refused.
        state, saving = _state(pulumi, stack), ["--save-plan", str(plan)]
    done = run(pulumi, stack, [operation, *saving, *args])
    _write(file, summary(operation, stack, done.events, failed=_failed(done), printed=done.printed))
    if plan and done.code == 0:
        add(plan, Record(stack, state, outline(done.events.steps)))
    return done.code


def _planned_up(pulumi: str, stack: str, plan: Path, file: Path | None, args: Sequence[str]) -> int:
    flags = [argument for argument in args if argument not in _OF_UP_ALONE]
    try:
        reviewed = load(plan)
        if reviewed.stack != stack:
            raise PlanError(f"{plan} is a plan of the stack {reviewed.stack}, not of {stack}")
        moved = _moved(pulumi, reviewed, plan, flags)
    except (PlanError, EngineError) as error:
        return _refuse(stack, file, f"{error}\nNothing was done.")
    if moved:
        told = "\n".join(f"  - {one}" for one in moved)
        return _refuse(
            stack,
            file,
            f"Since the plan was reviewed, this has moved:\n{told}\nNothing was done. {_again(pulumi, stack, plan)}",
        )
    # That it was reviewed is the confirmation. The engine previews once more, held to the plan, before it does anything.
    done = run(pulumi, stack, ["up", "--yes", "--plan", str(plan), *flags], withhold=True)
    if not done.violates_plan:
        _write(file, summary("up", stack, done.events, failed=_failed(done), printed=done.printed))
        return done.code
    names = ", ".join(dict.fromkeys(error.resource for error in done.events.errors if WITHHELD in error.text))
    extent = "Nothing was done." if done.events.planning else "What was done before is in the stack's state."
    reason = "it has other properties or options now (values are withheld, there may be secrets among them)"
    return _refuse(
        stack, file, f"{names or 'A resource'} violates the plan: {reason}.\n{extent} {_again(pulumi, stack, plan)}"
    )


def _moved(pulumi: str, reviewed: Record, plan: Path, flags: Sequence[str]) -> list[str]:
    """What is otherwise than it was when the plan was made: configuration, state, and what a preview plans now."""
    if _state(pulumi, reviewed.stack) != reviewed.state:
        return ["the stack's state: another `up`, `refresh` or `import` has changed it"]
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        now = Path(folder) / "plan.json"
        done = run(pulumi, reviewed.stack, ["preview", "--save-plan", str(now), *flags])
        if done.code:
            raise PlanError("the preview which was to be compared with the plan has failed")
        configuration = moved_configuration(plan, now)
    told = [f"the configuration: {', '.join(configuration)}"] if configuration else []
    return told + moved_steps(reviewed.outline, outline(done.events.steps))


def _drift(pulumi: str, stack: str, file: Path | None, args: Sequence[str]) -> int:
    try:
        done = run(pulumi, stack, ["refresh", "--preview-only", "--expect-no-changes", *args])
    except EngineError as error:
        return _unknown(pulumi, stack, file, str(error))
    if unheard := done.events.unreachable_cluster:
        # Of what is in it the provider says that it is gone, since it is to let go of a cluster that was deleted.
        where = "What is in the cluster is not known: run this where its API can be reached (apiNetworks)."
        return _unknown(pulumi, stack, file, f"{unheard}\n{where}")
    outcome = {0: "none", DRIFT_OR_CHANGES: "found"}.get(done.code, "failed")
    _write(file, drift_summary(stack, pulumi, done.events, outcome, done.printed))
    return done.code


def _unknown(pulumi: str, stack: str, file: Path | None, message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    _write(file, drift_summary(stack, pulumi, Events(), "failed", message))
    return REFUSED


def _failed(done: Run) -> bool:
    return done.code not in (0, DRIFT_OR_CHANGES)


def _state(pulumi: str, stack: str) -> str:
    return state_digest(output(pulumi, stack, ["stack", "export"]))


def _again(pulumi: str, stack: str, plan: Path) -> str:
    return f"Review it again: `{make('preview', stack, pulumi, quoted(f'PLAN={plan}'))}`."


def _refuse(stack: str, file: Path | None, message: str) -> int:
    _write(file, summary("up", stack, Events(), failed=True, printed=message))
    print(f"error: {message}", file=sys.stderr)
    return REFUSED


def _write(file: Path | None, text: str) -> None:
    if file:
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
