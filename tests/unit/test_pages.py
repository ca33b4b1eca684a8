"""Pages for people: their links and anchors, and what README shows and leads to."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.repository_files import repository_files
from tests.unit.conftest import ROOT

FILES = repository_files()
PAGES = [name for name in FILES if name.endswith(".md")]
CODE_BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def prose(page: str) -> str:
    """The page without its code blocks."""
    return CODE_BLOCK.sub("", (ROOT / page).read_text())


def links(page: str) -> list[str]:
    """Targets of its links and pictures, without those on other sites."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page)))
    return [target for target in targets if not target.startswith(("https://", "http://"))]


def anchors(page: str) -> set[str]:
    """Anchors of its headings, as GitHub makes them."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#+ +(.+?) *$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def is_broken(page: str, target: str) -> bool:
    """Does a link of the page lead to no file or no heading?"""
    path, _, anchor = target.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    return not file.exists() or bool(anchor and anchor not in anchors(str(file.resolve().relative_to(ROOT))))


@pytest.mark.parametrize("page", PAGES)
def test_page_links_to_existing_files_and_headings(page: str) -> None:
    assert [target for target in links(page) if is_broken(page, target)] == []


def test_files_name_only_existing_pages() -> None:
    """In errors, comments and descriptions, such as "docs/data.md"."""
    text = "\n".join((ROOT / name).read_text(errors="ignore") for name in FILES)
    named = set(re.findall(r"\b(?:docs/[\w-]+|(?:docker|sandbox|bench)/[\w/-]+)\.md\b", text))
    assert len(named) > 10
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_readme_is_short_and_links_every_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130
    pages = {page for page in PAGES if page.startswith("docs/")} | {".github/CONTRIBUTING.md", "CHANGELOG.md"}
    assert pages - set(links("README.md")) == set()


def test_readme_shows_a_screenshot_and_a_recording_under_1_mb() -> None:
    pictures = [ROOT / target for target in links("README.md") if target.startswith("docs/images/")]
    assert [picture.suffix for picture in pictures] == [".png", ".svg"]
    assert sum(file.stat().st_size for file in (ROOT / "docs" / "images").iterdir()) < 1_000_000
