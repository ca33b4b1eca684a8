"""The hash by which a rehearsal sees that an image's context has changed."""

from __future__ import annotations

from pathlib import Path

from sandbox.rehearsal.builds import context_hash


def test_contents_modes_and_names_of_what_is_sent_count_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("*\n!kept\n")
    (tmp_path / "kept").write_text("1")
    before = context_hash(tmp_path)
    (tmp_path / "other").write_text("2")
    assert context_hash(tmp_path) == before
    (tmp_path / "kept").chmod(0o755)
    other_mode = context_hash(tmp_path)
    (tmp_path / "kept").write_text("2")
    other_content = context_hash(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch AS other\n")
    assert len({before, other_mode, other_content, context_hash(tmp_path)}) == 4
