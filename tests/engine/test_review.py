"""A pull request's life on the real engine: the base's state, the change, its summary and plan, and the `up` of that plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.oci_project import new_project
from tests.engine.pull_requests import BASE, KINDS, PullRequest
from tests.support.reviewed import Reviewed, headed, operations, told


@pytest.fixture
def reviewed(tmp_path: Path) -> Reviewed:
    return Reviewed(new_project(tmp_path))


def first_line(summary: str) -> str:
    return summary.splitlines()[0]


def made(reviewed: Reviewed, case: PullRequest) -> str:
    """The base's state, and the program that the pull request wants."""
    project = reviewed.project
    project.write(case.before)
    project.up()
    if "KEPT" not in case.after:
        return case.after
    kept = str(project.state()["data"]["id"])
    project.write(BASE)
    project.up()
    return case.after.replace("KEPT", kept)


@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_of_a_preview_is_what_up_then_does(reviewed: Reviewed, kind: str) -> None:
    case = KINDS[kind]
    reviewed.project.write(made(reviewed, case))
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
