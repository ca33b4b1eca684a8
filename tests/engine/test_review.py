"""A pull request's life on the real engine: the base's state, the change, its summary and plan, and the `up` of that plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.oci_project import new_project
from tests.engine.pull_requests import BASE, KINDS, PullRequest
from tests.support.reviewed import Reviewed, copied, headed, operations, told

Bases = Callable[[str], Path]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """Program to the folder of a project that has it in its cloud; made once for all that start from it."""
    made: dict[str, Path] = {}

    def base(program: str) -> Path:
        if program not in made:
            project = new_project(tmp_path_factory.mktemp("base"))
            project.write(program)
            project.up()
            made[program] = project.folder
        return made[program]

    return base


def first_line(summary: str) -> str:
    return summary.splitlines()[0]


def wanted(reviewed: Reviewed, case: PullRequest) -> str:
    """The program of the pull request; what it takes over has been let go of."""
    if "KEPT" not in case.after:
        return case.after
    project = reviewed.project
    kept = str(project.state()["data"]["id"])
    project.write(BASE)
    project.up()
    return case.after.replace("KEPT", kept)


@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_of_a_preview_is_what_up_then_does(bases: Bases, tmp_path: Path, kind: str) -> None:
    case = KINDS[kind]
    reviewed = copied(bases(case.before), tmp_path / "project")
    reviewed.project.write(wanted(reviewed, case))
    assert reviewed.run("preview") == 0, reviewed.printed
    previewed, summary = reviewed.steps("preview"), reviewed.summary
    outcome = "changes" if case.told else "nothing"
    assert first_line(summary) == f"<!-- review: preview of test: {outcome} -->"
    assert told(summary) == case.told
    for words in case.words:
        assert words in summary

    assert reviewed.run("up") == 0, reviewed.printed
    done = reviewed.steps("up")
    assert operations(done) == operations(previewed)
    assert headed(done) == told(summary) == told(reviewed.summary)
    for text in (summary, reviewed.summary, reviewed.printed, reviewed.plan.read_text()):
        assert "hidden-" not in text
