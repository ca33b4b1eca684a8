"""Pull requests on the real engine: the state of the base, the change, its summary and plan, and the `up` of that plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.oci_project import new_project
from tests.engine.pull_requests import BASE, KINDS, PullRequest
from tests.support.reviewed import Reviewed, copied, headed, operations, shown

Bases = Callable[[str], Path]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Bases:
    """Return the folder of a project with a program in its cloud; each program is deployed once."""
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
    """Return the program of the pull request. First stop to manage what it adopts."""
    if "KEPT" not in case.after:
        return case.after
    project = reviewed.project
    kept = str(project.state()["data"]["id"])
    project.write(BASE)
    project.up()
    return case.after.replace("KEPT", kept)


EXPORTED = """
    pulumi.export("shown", "this")
    pulumi.export("password", "not a secret yet")
"""


def test_change_of_outputs_alone_is_shown_and_made(bases: Bases, tmp_path: Path) -> None:
    reviewed = copied(bases(BASE + EXPORTED), tmp_path / "project")
    secret = EXPORTED.replace('"not a secret yet"', 'pulumi.Output.secret("hidden-now")')
    reviewed.project.write(BASE + secret.replace("this", "that") + '    pulumi.export("vcn", vcn.id)\n')
    assert reviewed.run("preview") == 0, reviewed.printed
    previewed = reviewed.summary
    assert reviewed.run("up") == 0, reviewed.printed
    outputs = "- `password`: `[secret]` → `[secret]`\n- `shown`: `this` → `that`\n- `vcn`: `[none]` → `ocid1.vcn."
    for operation, summary in (("preview", previewed), ("up", reviewed.summary)):
        assert first_line(summary) == f"<!-- review: {operation} of test: changes -->"
        assert outputs in summary
        assert shown(summary) == set()
        assert "hidden-" not in summary
    assert reviewed.run("preview") == 0, reviewed.printed
    assert first_line(reviewed.summary) == "<!-- review: preview of test: nothing -->"


@pytest.mark.parametrize("kind", KINDS)
def test_summary_of_a_preview_is_what_up_does(bases: Bases, tmp_path: Path, kind: str) -> None:
    case = KINDS[kind]
    reviewed = copied(bases(case.before), tmp_path / "project")
    reviewed.project.write(wanted(reviewed, case))
    assert reviewed.run("preview") == 0, reviewed.printed
    previewed, summary = reviewed.steps("preview"), reviewed.summary
    outcome = "changes" if case.shown else "nothing"
    assert first_line(summary) == f"<!-- review: preview of test: {outcome} -->"
    assert shown(summary) == case.shown
    for words in case.words:
        assert words in summary

    assert reviewed.run("up") == 0, reviewed.printed
    done = reviewed.steps("up")
    assert operations(done) == operations(previewed)
    assert headed(done) == shown(summary) == shown(reviewed.summary)
    for text in (summary, reviewed.summary, reviewed.printed, reviewed.plan.read_text()):
        assert "hidden-" not in text
