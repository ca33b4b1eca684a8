"""Keeps one issue a stack up to date on its drift: `python3 drift_issue.py <stack> <summary>`. Opened, edited, closed when it is over."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from github import LONGEST_BODY, Api, fail, marked

_SUMMARY = re.compile(r"<!-- review: drift of (?P<stack>[A-Za-z0-9_-]+): (?P<result>none|found|failed) -->")


def main(stack: str, summary: Path) -> None:
    """Bring the issue in line with the summary; a summary of a command that failed says nothing about drift, so nothing is done."""
    first, _, text = summary.read_text().partition("\n") if summary.exists() else ("", "", "")
    found = _SUMMARY.fullmatch(first.strip())
    if found is None or found["stack"] != stack:
        fail(f"there is no summary of the drift of {stack}")
    if found["result"] == "failed":
        fail(f"whether {stack} has drifted could not be found out")
    api, marker = Api(), f"<!-- drift of {stack} -->"
    ours = marked(api.every("/issues?state=open"), marker)
    link = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(os.environ)
    if found["result"] == "none":
        if ours:
            api.call("POST", f"/issues/{ours['number']}/comments", {"body": f"None any more, says [this run]({link})."})
            api.call("PATCH", f"/issues/{ours['number']}", {"state": "closed", "state_reason": "completed"})
        return
    body = {
        "title": f"Drift: the stack {stack}",
        "body": f"{marker}\nFound by [this run]({link}).\n\n{text}"[:LONGEST_BODY],
    }
    if ours:
        api.call("PATCH", f"/issues/{ours['number']}", body)
    else:
        api.call("POST", "/issues", body)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
