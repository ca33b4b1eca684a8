"""The part of GitHub's REST API that the workflows use. Only the standard library: jobs with write permission install nothing."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, NoReturn

OURS = "github-actions[bot]"
"""The author of what a job's own token writes. A comment of another author is never ours."""
LONGEST_BODY = 65536
"""Characters of a comment or an issue (GitHub answers 422 to more)."""


def fail(message: str) -> NoReturn:
    """End the step with an annotation."""
    print(f"::error::{message}")
    sys.exit(1)


class Api:
    """One repository, with the token of the job."""

    def __init__(self) -> None:
        self._root = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
        self._token = os.environ["GITHUB_TOKEN"]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the response to a request under /repos/<owner>/<name>. Ends the step if GitHub refuses."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "containerised-app",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._root + path, data, headers, method=method)  # noqa: S310 - GitHub's own
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            fail(f"GitHub responds {error.code} to {method} {path}")

    def every(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield all entries of a list, page by page."""
        separator, page = "&" if "?" in path else "?", 1
        while entries := self.call("GET", f"{path}{separator}per_page=100&page={page}"):
            yield from entries
            page += 1


def marked(entries: Iterator[dict[str, Any]], marker: str) -> dict[str, Any] | None:
    """Return our first comment or issue with the marker as its first line."""
    for entry in entries:
        first = (entry.get("body") or "").splitlines()[:1]
        if entry["user"]["login"] == OURS and first == [marker] and "pull_request" not in entry:
            return entry
    return None
