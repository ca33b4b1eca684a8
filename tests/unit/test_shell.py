"""Output is safe to show and to paste, even with names and values of strangers in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from docker import pin_base
from operations.interrupted.messages import claim_volume, not_found, question
from operations.interrupted.stack import Stack
from operations.review.remedy import adopt, make
from policy import exceptions
from policy.pack import POLICIES
from specs import oci_profile, resource_types
from specs.build_errors import Build, explain
from specs.shell import quoted
from tests.support import stack_files

HOSTILE = "$(>planted)`>planted`'\";>planted\n    >planted\x1b[2J\u202eé\\\t"


@pytest.mark.parametrize("word", ["", "-x", "it's", "a\\b", HOSTILE])
def test_quoted_word_is_the_same_word_in_one_line(word: str, tmp_path: Path) -> None:
    assert quoted(word).isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {quoted(word)}"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode() == word
    assert list(tmp_path.iterdir()) == []


def raised(function: Callable[[], object]) -> str:
    with pytest.raises((exceptions.ExceptionsError, pin_base.PinError)) as caught:
        function()
    return str(caught.value)


def profile_problem(tmp_path: Path) -> str:
    file = tmp_path / "config"
    file.write_text("[$(>planted)`>planted`]\nuser=me\n")
    problem = oci_profile.read({"configFileProfile": HOSTILE}.get, {}, file).problem
    file.unlink()
    return problem


STACK = Stack(HOSTILE, "pulumi")
RESOURCE = {"urn": f"urn:pulumi:dev::app::a:b:C::{HOSTILE}", "type": "a:b:C", "id": "one", "parent": HOSTILE}
CLUSTER = {"type": resource_types.CLUSTER}
ROOT = {"type": resource_types.ROOT, "outputs": {"dataVolumeId": HOSTILE}}
BUILD = Build(HOSTILE, "me", "", HOSTILE, "", HOSTILE)
MESSAGES: dict[str, Callable[[Path], str]] = {
    "a build's error": lambda _: explain(
        [f"failed to resolve source metadata for {HOSTILE.split()[0]}: not found"], BUILD
    ),
    "a registry's error": lambda _: explain([f"{HOSTILE}: connection refused"], BUILD),
    "a command of make": lambda _: f"    {make('up', HOSTILE, HOSTILE)}",
    "a kept volume": lambda _: adopt(resource_types.VOLUME, HOSTILE)[0],
    "an interrupted create": lambda _: question(STACK, [RESOURCE], []),
    "an interrupted destroy": lambda _: "\n".join(claim_volume([CLUSTER, ROOT], [{"type": "deleting"}])),
    "a resource that is gone": lambda _: not_found(STACK, [RESOURCE]),
    "a policy": lambda _: POLICIES[0].message(HOSTILE, "dev"),
    "exceptions": lambda _: raised(lambda: exceptions.read({exceptions.KEY: HOSTILE}, POLICIES, "dev")),
    "an exception": lambda _: raised(lambda: exceptions.read({exceptions.KEY: f'["{HOSTILE[:9]}"]'}, POLICIES, "dev")),
    "a base image": lambda _: raised(lambda: pin_base.pin(f"--{HOSTILE}:tag", [])),
    "an account's profile": profile_problem,
    "a stack's file": lambda _: "\n".join(stack_files.problems({"config": {HOSTILE: 1}})),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_message_contains_no_foreign_command_line_or_escape(message: str, tmp_path: Path) -> None:
    lines = MESSAGES[message](tmp_path).split("\n")
    assert lines != [""]
    assert all(line.isprintable() for line in lines)
    commands = [line for line in lines if line.startswith("    ")]
    assert not any(command.strip().startswith(">") for command in commands)
    nothing = {"PATH": "/nowhere"}
    subprocess.run(["/bin/bash", "-c", "\n".join(commands)], cwd=tmp_path, env=nothing, capture_output=True)
    assert list(tmp_path.iterdir()) == []
