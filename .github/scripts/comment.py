"""Writes one comment on a pull request and updates it: `PYTHONPATH=. python3 .github/scripts/comment.py <folder>`.

The pull request's own code made the artifact, so it is not trusted. GitHub confirms which pull request it belongs to. Only files of known
names and sizes are read. Nothing in them is run, replaces our marker, mentions people or loads an image.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from github import LONGEST_BODY, Api, fail, marked

from operations.review.summary import FOLD, cut

MARKER = "<!-- previews of this pull request -->"
_SUMMARY = re.compile(r"<!-- review: preview of (?P<stack>[A-Za-z0-9_-]+): (?P<result>changes|nothing|failed) -->")
_RESULTS = {"changes": "changes", "nothing": "nothing changes", "failed": "the preview failed"}
_MOST_STACKS = 20
_LARGEST_FILE = 1 << 20


def pull_request(api: Api, run: dict[str, Any], claimed: str) -> int | None:
    """Return the number in the artifact if the run belongs to that pull request's newest commit, or None if it belongs to an older one.

    Ends the step if the run belongs to another branch: then the number is forged.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,9}", claimed):
        fail("the artifact contains no number of a pull request")
    found = api.call("GET", f"/pulls/{claimed}")
    head, repository = found["head"], found["head"]["repo"] or {}
    if repository.get("full_name") != run["head_repository"]["full_name"] or head["ref"] != run["head_branch"]:
        fail(f"the artifact claims pull request {claimed}, but the run belongs to another branch")
    if head["sha"] != run["head_sha"] or found["state"] != "open":
        return None
    return int(claimed)


def section(file: Path, room: int) -> str:
    """Return the section of one stack. room: characters left for its text."""
    with file.open(encoding="utf-8", errors="replace") as opened:
        first, text = opened.readline().strip(), opened.read(_LARGEST_FILE)
    found = _SUMMARY.fullmatch(first)
    if found is None or found["stack"] != file.stem:
        return f"### `{file.stem}`\n\nThe summary cannot be read; see the run.\n"
    head, fold, folded = text.partition(f"\n{FOLD}\n")
    body = cut(harmless(head), room)
    left = room - len(body)
    if fold and left > 0:
        inside = cut(harmless(folded.rstrip().removesuffix("</details>")), left)
        body = f"{body}\n{FOLD}\n{inside}\n</details>\n"
    title = f"<b>{file.stem}</b>: {_RESULTS[found['result']]}"
    return (
        f"<details{' open' if found['result'] != 'nothing' else ''}><summary>{title}</summary>\n\n{body}\n</details>\n"
    )


def harmless(text: str) -> str:
    """Return the same text without HTML, images and mentions: a zero-width space follows each character that begins one."""
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)
    return re.sub(r"<(?=[A-Za-z/!?])|!(?=\[)|@", "\\g<0>\u200b", text)


def comment(folder: Path, run: dict[str, Any]) -> str:
    """Return the whole comment."""
    files = [file for file in sorted(folder.glob("*.md")) if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", file.stem)][
        :_MOST_STACKS
    ]
    commit, link = run["head_sha"][:10], run["html_url"]
    head = f"{MARKER}\n## What `up` would do\n\nFor {commit}, from the [previews of this pull request]({link}).\n\n"
    if run["conclusion"] != "success":
        head += f"**A preview failed**: see [the run]({link}).\n\n"
    room = (LONGEST_BODY - len(head)) // max(1, len(files)) - 500
    return head + "\n".join(section(file, room) for file in files if file.is_file() and not file.is_symlink())


def main(folder: Path) -> None:
    """Write the comment, or update ours."""
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())["workflow_run"]
    number = folder / "number"
    if not number.is_file() or number.is_symlink():
        fail("the artifact contains no number of a pull request")
    api = Api()
    pull = pull_request(api, run, number.read_text(errors="replace")[:20].strip())
    if pull is None:
        print("::notice::the pull request has a newer commit or is closed, so this run writes no comment")
        return
    body = {"body": comment(folder, run)}
    ours = marked(api.every(f"/issues/{pull}/comments"), MARKER)
    if ours:
        api.call("PATCH", f"/issues/comments/{ours['id']}", body)
    else:
        api.call("POST", f"/issues/{pull}/comments", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
