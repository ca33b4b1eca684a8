"""Processes, files and progress output of the sandbox."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox import process, progress
from sandbox.process import CommandError, SandboxError


def test_run_error_contains_the_output_of_the_program() -> None:
    with pytest.raises(CommandError, match=r"sh -c 'echo why >&2; exit 3'` ended with status 3:\nwhy"):
        process.run(["sh", "-c", "echo why >&2; exit 3"])


def test_run_error_names_what_installs_a_missing_program() -> None:
    with pytest.raises(SandboxError, match="`nothing-of-this-name` is not installed; `make local`"):
        process.run(["nothing-of-this-name"])


def test_run_ends_a_program_at_its_timeout() -> None:
    with pytest.raises(SandboxError, match="did not end within"):
        process.run(["sleep", "60"], timeout=0.1)


def test_run_logged_error_contains_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"(?s)the reason.*the whole log: "):
        process.run_logged(["sh", "-c", "echo the reason; false"], tmp_path / "log" / "step.log")


def test_write_if_changed_replaces_changed_files_only(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "file"
    assert process.write_if_changed(file, "one", 0o600)
    assert not process.write_if_changed(file, "one", 0o600)
    assert process.write_if_changed(file, "two", 0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_together_finishes_all_steps_and_reports_all_errors() -> None:
    done = []

    def fail(message: str) -> None:
        raise SandboxError(message)

    with pytest.raises(SandboxError, match="one\n\ntwo"):
        progress.together(lambda: fail("one"), lambda: fail("two"), lambda: done.append(True))
    assert done == [True]


def test_progress_prints_changed_steps_only(capsys: pytest.CaptureFixture[str]) -> None:
    steps = progress.Progress("the work")
    steps.step("something", lambda: True)
    steps.step("nothing", lambda: False)
    steps.finish()
    printed = capsys.readouterr().out
    assert "something: done" in printed
    assert "nothing:" not in printed
