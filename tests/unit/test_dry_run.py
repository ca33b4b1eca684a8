"""The hash of an image's build context in a dry run."""

from __future__ import annotations

from pathlib import Path

from sandbox.dry_run.builds import context_hash


def test_context_hash_depends_on_contents_and_modes(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "kept").write_text("1")
    before = context_hash(tmp_path)
    (tmp_path / "kept").chmod(0o755)
    other_mode = context_hash(tmp_path)
    (tmp_path / "kept").write_text("2")
    other_content = context_hash(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch AS other\n")
    assert len({before, other_mode, other_content, context_hash(tmp_path)}) == 4
