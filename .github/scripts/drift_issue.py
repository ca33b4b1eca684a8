"""Opens, updates and closes the issue on a stack's drift, one a stack: `python3 drift_issue.py <stack> <summary>`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from github import LONGEST_BODY, Api, fail, marked

_SUMMARY = re.compile(r"<!-- review: drift of (?P<stack>[A-Za-z0-9_-]+): (?P<result>none|found|failed) -->")


def main(stack: str, summary: Path) -> None:
    """Update the issue from the summary. The summary of a failed command says nothing about drift, so it changes no issue."""
    first, _, text = summary.read_text().partition("\n") if summary.exists() else ("", "", "")
    found = _SUMMARY.fullmatch(first.strip())
    if found is None or found["stack"] != stack:
        fail(f"no summary of the drift of {stack} was found")
    if found["result"] == "failed":
        fail(f"the drift of {stack} could not be determined")
    api, marker = Api(), f"<!-- drift of {stack} -->"
    ours = marked(api.every("/issues?state=open"), marker)
    link = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(os.environ)
    if found["result"] == "none":
        if ours:
            api.call("POST", f"/issues/{ours['number']}/comments", {"body": f"[This run]({link}) found no drift."})
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
