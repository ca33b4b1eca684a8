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
    assert "--stack local-oke" in planned(target, "TARGET=kubernetes").stdout
    assert "--stack dev" in planned(target, "TARGET=kubernetes", "STACK=dev").stdout


def test_another_target_is_refused_by_name() -> None:
    done = planned("local", "TARGET=podman")
    assert done.returncode != 0
    assert "TARGET is instance or kubernetes, not podman" in done.stderr
