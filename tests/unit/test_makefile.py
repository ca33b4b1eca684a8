"""What `make` would run, for the targets that take where the app runs."""

from __future__ import annotations

import subprocess

import pytest

from tests.unit.conftest import ROOT


def planned(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "stack"),
    [
        ([], "local"),
        (["TARGET=kubernetes"], "local-oke"),
        (["STACK=dev"], "dev"),
        (["TARGET=kubernetes", "STACK=mine"], "mine"),
    ],
)
def test_make_local_brings_the_stack_of_its_target_up_and_checks_it(words: list[str], stack: str) -> None:
    lines = planned("local", *words).stdout.splitlines()
    for command in ("-m sandbox up", "pulumi up --yes", "-m sandbox check"):
        assert [line.split("--stack ")[1] for line in lines if command in line] == [stack]


@pytest.mark.parametrize("target", ["password", "tunnel", "check", "preview"])
def test_the_other_targets_follow_it_too_and_stack_wins(target: str) -> None:
    assert "--stack local-oke" in planned(target, "TARGET=kubernetes").stdout.replace("'", "")
    assert "--stack dev" in planned(target, "TARGET=kubernetes", "STACK=dev").stdout.replace("'", "")


def test_another_target_is_refused_by_name() -> None:
    done = planned("local", "TARGET=podman")
    assert done.returncode != 0
    assert "TARGET is instance or kubernetes, not podman" in done.stderr


def test_a_preview_prepares_the_sandbox_and_one_outside_it_does_not() -> None:
    assert "prepare-preview" in planned("preview", "STACK=dev").stdout
    outside = planned("preview", "STACK=dev", "PULUMI=pulumi").stdout
    assert "prepare-preview" not in outside
    assert "--pulumi 'pulumi' --stack 'dev'" in outside


def test_a_plan_and_a_summary_are_handed_on_and_not_made_up() -> None:
    for target in ("preview", "up"):
        line = planned(target, "STACK=dev", "PLAN=p.json", "SUMMARY=s.md", "ARGS=--diff", "POLICIES=").stdout
        assert f"operations.review {target} " in line
        assert "--summary 's.md'" in line
        assert line.split("--plan 'p.json' --")[1].split() == ["--diff"]
        assert "--plan" not in planned(target, "STACK=dev").stdout
    assert "--plan" not in planned("drift", "PLAN=p.json").stdout


@pytest.mark.parametrize("target", ["up", "destroy"])
def test_a_run_that_writes_first_looks_for_one_that_was_killed(target: str) -> None:
    first, *_ = planned(target, "STACK=dev", "PULUMI=pulumi", "FOUND=a=none").stdout.splitlines()
    assert first == "set -f; python3 -m operations.interrupted --stack 'dev' --pulumi 'pulumi' $FOUND"


@pytest.mark.parametrize("target", ["preview", "up", "drift", "refresh", "destroy", "interrupted", "pin-base"])
def test_pulumi_may_be_a_command_of_several_words(target: str) -> None:
    lines = planned(target, "STACK=dev", "PLAN=p.json", "PULUMI=op run -- pulumi").stdout.splitlines()
    called = [line for line in lines if "op run" in line]
    assert called
    assert all("'op run -- pulumi'" in line for line in called if "--pulumi" in line)


def test_a_preview_and_a_refresh_do_not() -> None:
    assert "operations.interrupted" not in planned("preview").stdout + planned("refresh").stdout


def test_what_a_killed_run_left_is_put_right_before_a_plan_is_reviewed_and_not_after_it() -> None:
    lines = planned("preview", "STACK=dev", "PLAN=p.json", "PULUMI=pulumi").stdout.splitlines()
    [put_right, reviewed] = [
        line for line in lines if "operations.interrupted" in line or "-m operations.review" in line
    ]
    assert "operations.interrupted --stack 'dev' --pulumi 'pulumi'" in put_right
    assert "operations.review preview" in reviewed
    assert "operations.interrupted" not in planned("preview", "STACK=dev").stdout


def test_every_folder_of_tests_is_in_make_test() -> None:
    folders = {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").rglob("test_*.py")}
    words = planned("test", "TESTS=").stdout.split()
    assert {word.removeprefix("tests/") for word in words if word.startswith("tests/")} == folders
