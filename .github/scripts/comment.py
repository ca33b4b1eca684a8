"""Keeps one comment on a pull request up to date: `python3 comment.py <folder of the artifact>`.

The artifact was made by the pull request's own code and is not trusted. Which pull request it is about is checked with GitHub, files are
of known names and sizes, and nothing in them is run, takes the place of our marker, calls people or loads an image.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from github import LONGEST_BODY, Api, fail, marked

MARKER = "<!-- previews of this pull request -->"
_SUMMARY = re.compile(r"<!-- review: preview of (?P<stack>[A-Za-z0-9_-]+): (?P<result>changes|nothing|failed) -->")
_RESULTS = {"changes": "changes", "nothing": "nothing changes", "failed": "the preview failed"}
# The one fold that a summary has itself (operations/review/summary.py).
_FOLD = "<details><summary>What is created, with its properties</summary>"
_MOST_STACKS = 20
_LARGEST_FILE = 1 << 20


def pull_request(api: Api, run: dict[str, Any], claimed: str) -> int | None:
    """The number which the artifact claims, if the run is of the newest commit of that pull request; None if that is an older one.

    Ends the step when the run is of none of its commits: then the artifact lies.
    """
    if not re.fullmatch(r"[1-9][0-9]{0,9}", claimed):
        fail("the artifact holds no number of a pull request")
    found = api.call("GET", f"/pulls/{claimed}")
    head, repository = found["head"], found["head"]["repo"] or {}
    if repository.get("full_name") != run["head_repository"]["full_name"] or head["ref"] != run["head_branch"]:
        fail(f"the artifact says pull request {claimed}, but the run is of another branch: refused")
    if head["sha"] != run["head_sha"] or found["state"] != "open":
        return None
    return int(claimed)


def section(file: Path, room: int) -> str:
    """What is told of one stack."""
    with file.open(encoding="utf-8", errors="replace") as opened:
        first, text = opened.readline().strip(), opened.read(_LARGEST_FILE)
    found = _SUMMARY.fullmatch(first)
    if found is None or found["stack"] != file.stem:
        return f"### `{file.stem}`\n\nIts summary cannot be read; the run tells more.\n"
    told, fold, folded = text.partition(f"\n{_FOLD}\n")
    body = fitted(harmless(told), room)
    left = room - len(body)
    if fold and left > 0:
        inside = fitted(harmless(folded.rstrip().removesuffix("</details>")), left)
        body = f"{body}\n{_FOLD}\n{inside}\n</details>\n"
    title = f"<b>{file.stem}</b>: {_RESULTS[found['result']]}"
    return (
        f"<details{' open' if found['result'] != 'nothing' else ''}><summary>{title}</summary>\n\n{body}\n</details>\n"
    )


def harmless(text: str) -> str:
    """The same to read, but no HTML, no image and no call of a person: a space without width stands after what begins one."""
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)
    return re.sub(r"<(?=[A-Za-z/!?])|!(?=\[)|@", "\\g<0>\u200b", text)


def fitted(text: str, room: int) -> str:
    """The text up to the limit, at the end of a line, saying so; a block of code is closed."""
    if len(text) <= room:
        return text
    kept = text[:room].rpartition("\n")[0]
    fences = re.findall(r"^ *(`{3,})", kept, flags=re.MULTILINE)
    return kept + (f"\n{fences[-1]}" if len(fences) % 2 else "") + "\n\n… the rest is in the run's artifact.\n"


def comment(folder: Path, run: dict[str, Any]) -> str:
    """The whole comment."""
    files = [file for file in sorted(folder.glob("*.md")) if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", file.stem)][
        :_MOST_STACKS
    ]
    commit, link = run["head_sha"][:10], run["html_url"]
    head = f"{MARKER}\n## What `up` would do\n\nOf {commit}, by the [previews of this pull request]({link}) themselves.\n\n"
    if run["conclusion"] != "success":
        head += f"**A preview failed**: [the run]({link}) tells more.\n\n"
    room = (LONGEST_BODY - len(head)) // max(1, len(files)) - 500
    return head + "\n".join(section(file, room) for file in files if file.is_file() and not file.is_symlink())


def main(folder: Path) -> None:
    """Write the comment, or change the one that is there."""
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())["workflow_run"]
    number = folder / "number"
    if not number.is_file() or number.is_symlink():
        fail("the artifact names no pull request")
    api = Api()
    pull = pull_request(api, run, number.read_text(errors="replace")[:20].strip())
    if pull is None:
        print("::notice::the pull request has moved on, or is closed: its next run has the word")
        return
    body = {"body": comment(folder, run)}
    ours = marked(api.every(f"/issues/{pull}/comments"), MARKER)
    if ours:
        api.call("PATCH", f"/issues/comments/{ours['id']}", body)
    else:
        api.call("POST", f"/issues/{pull}/comments", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
