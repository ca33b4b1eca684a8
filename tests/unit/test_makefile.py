"""The commands that `make` runs, from dry runs."""

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
def test_make_local_deploys_and_checks_the_stack_of_its_target(words: list[str], stack: str) -> None:
    lines = planned("local", *words).stdout.splitlines()
    for command in ("-m sandbox up", "pulumi up --yes", "-m sandbox check"):
        assert [line.split("--stack ")[1] for line in lines if command in line] == [stack]


@pytest.mark.parametrize("target", ["password", "tunnel", "check", "preview"])
def test_other_targets_use_target_unless_stack_is_set(target: str) -> None:
    assert "--stack local-oke" in planned(target, "TARGET=kubernetes").stdout.replace("'", "")
    assert "--stack dev" in planned(target, "TARGET=kubernetes", "STACK=dev").stdout.replace("'", "")


def test_unknown_target_is_an_error() -> None:
    done = planned("local", "TARGET=podman")
    assert done.returncode != 0
    assert "TARGET is instance or kubernetes, not podman" in done.stderr


def test_preview_prepares_the_sandbox_unless_pulumi_is_set() -> None:
    assert "prepare-preview" in planned("preview", "STACK=dev").stdout
    outside = planned("preview", "STACK=dev", "PULUMI=pulumi").stdout
    assert "prepare-preview" not in outside
    assert "--pulumi 'pulumi' --stack 'dev'" in outside


def test_plan_and_summary_are_passed_on_if_set() -> None:
    for target in ("preview", "up"):
        line = planned(target, "STACK=dev", "PLAN=p.json", "SUMMARY=s.md", "ARGS=--diff", "POLICIES=").stdout
        assert f"operations.review {target} " in line
        assert "--summary 's.md'" in line
        assert line.split("--plan 'p.json' --")[1].split() == ["--diff"]
        assert "--plan" not in planned(target, "STACK=dev").stdout
    assert "--plan" not in planned("drift", "PLAN=p.json").stdout


@pytest.mark.parametrize("target", ["up", "destroy"])
def test_up_and_destroy_begin_with_a_repair(target: str) -> None:
    first, *_ = planned(target, "STACK=dev", "PULUMI=pulumi", "FOUND=a=none").stdout.splitlines()
    assert first == "python3 -m operations.interrupted --found \"$FOUND\" --stack 'dev' --pulumi 'pulumi'"


@pytest.mark.parametrize("target", ["preview", "up", "drift", "refresh", "destroy", "interrupted", "pin-base"])
def test_pulumi_command_may_have_several_words(target: str) -> None:
    lines = planned(target, "STACK=dev", "PLAN=p.json", "PULUMI=op run -- pulumi").stdout.splitlines()
    commands = [line for line in lines if "op run" in line]
    assert commands
    assert all("'op run -- pulumi'" in line for line in commands if "operations" in line or "--pulumi" in line)


def test_preview_and_refresh_begin_without_a_repair() -> None:
    assert "operations.interrupted" not in planned("preview").stdout + planned("refresh").stdout


def test_preview_with_a_plan_begins_with_a_repair() -> None:
    lines = planned("preview", "STACK=dev", "PLAN=p.json", "PULUMI=pulumi").stdout.splitlines()
    [repair, reviewed] = [line for line in lines if "operations.interrupted" in line or "-m operations.review" in line]
    assert "operations.interrupted" in repair
    assert "operations.review preview" in reviewed
    assert "operations.interrupted" not in planned("preview", "STACK=dev").stdout


def test_make_test_runs_every_folder_of_tests() -> None:
    folders = {file.relative_to(ROOT / "tests").parts[0] for file in (ROOT / "tests").rglob("test_*.py")}
    words = planned("test", "TESTS=").stdout.split()
    assert {word.removeprefix("tests/") for word in words if word.startswith("tests/")} == folders
