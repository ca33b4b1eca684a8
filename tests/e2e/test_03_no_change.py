"""The same configuration gives the same plan."""

from __future__ import annotations

from tests.support.machine import container_id
from tests.support.stack import Stack


def test_preview_shows_no_changes(stack: Stack) -> None:
    assert stack.preview("--expect-no-changes") == {}


def test_second_up_changes_nothing(stack: Stack) -> None:
    running = container_id(stack)
    assert stack.up() == {}
    assert container_id(stack) == running


def test_refresh_finds_no_changes(stack: Stack) -> None:
    assert stack.refresh("--expect-no-changes") == {}
    assert stack.preview("--expect-no-changes") == {}
