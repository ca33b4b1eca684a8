"""A fake of GitHub's API as far as the workflows use it. It stores comments and issues and records every call; other paths are a 404.

A token has only the permissions of its job.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "platform/containerised-app"
BOT = "github-actions[bot]"
LONGEST_BODY = 65536


class RefusedError(Exception):
    """The server answers with this error."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class GitHub:
    """The stored pulls, comments (by issue number) and issues. calls: method and path of every request."""

    def __init__(self) -> None:
        self.url = ""
        self.pulls: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.issues: dict[int, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self._tokens: dict[str, Mapping[str, str]] = {}
        self._last = 10_000

    def token(self, permissions: Mapping[str, str]) -> str:
        """Create a token for one job."""
        token = f"ghs_{len(self._tokens):036d}"
        self._tokens[token] = permissions
        return token

    def allows(self, token: str, scope: str, level: str) -> bool:
        """Whether the token has the permission. Write includes read."""
        return self._tokens.get(token, {}).get(scope) in (level, "write")

    def number(self) -> int:
        """A new id."""
        self._last += 1
        return self._last

    def answer(self, method: str, target: str, token: str, body: Any) -> Any:
        """Answer one request. Raises RefusedError."""
        url = urlsplit(target)
        self.calls.append((method, url.path))
        if token not in self._tokens:
            raise RefusedError(401)
        for verb, pattern, scopes, level, handler in self._routes():
            found = re.fullmatch(f"/repos/{REPOSITORY}{pattern}", url.path)
            if verb == method and found:
                if not any(self.allows(token, scope, level) for scope in scopes):
                    raise RefusedError(403)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                return handler([int(group) for group in found.groups()], query, body)
        raise RefusedError(404)

    def _routes(self) -> list[tuple[str, str, tuple[str, ...], str, Callable[[list[int], dict[str, str], Any], Any]]]:
        number, either = r"/(\d+)", ("issues", "pull-requests")
        return [
            ("GET", f"/pulls{number}", ("pull-requests",), "read", self._pull),
            ("GET", f"/issues{number}/comments", either, "read", self._comments),
            ("POST", f"/issues{number}/comments", either, "write", self._comment),
            ("PATCH", f"/issues/comments{number}", either, "write", self._edit),
            ("GET", "/issues", ("issues",), "read", self._issues),
            ("POST", "/issues", ("issues",), "write", self._open),
            ("PATCH", f"/issues{number}", ("issues",), "write", self._change),
        ]

    def _pull(self, numbers: list[int], query: dict[str, str], body: Any) -> Any:
        if numbers[0] not in self.pulls:
            raise RefusedError(404)
        return self.pulls[numbers[0]]

    def _comments(self, numbers: list[int], query: dict[str, str], body: Any) -> Any:
        return _page(self.comments.get(numbers[0], []), query)

    def _comment(self, numbers: list[int], query: dict[str, str], body: Any) -> Any:
        entry = {"id": self.number(), "user": {"login": BOT}, "body": _body(body)}
        self.comments.setdefault(numbers[0], []).append(entry)
        return entry

    def _edit(self, numbers: list[int], query: dict[str, str], body: Any) -> Any:
        for entry in (entry for entries in self.comments.values() for entry in entries):
            if entry["id"] == numbers[0]:
                entry["body"] = _body(body)
                return entry
        raise RefusedError(404)

    def _issues(self, numbers: list[int], query: dict[str, str], body: Any) -> Any:
        return _page([issue for issue in self.issues.values() if issue["state"] == query.get("state", "open")], query)

    def _open(self, numbers: list[int], query: dict[str, str], body: Any) -> Any:
        number = self.number()
        self.issues[number] = {"number": number, "user": {"login": BOT}, "state": "open", "title": body["title"]}
        self.issues[number]["body"] = _body(body)
        return self.issues[number]

    def _change(self, numbers: list[int], query: dict[str, str], body: Any) -> Any:
        if numbers[0] not in self.issues or set(body) - {"title", "body", "state", "state_reason"}:
            raise RefusedError(404 if numbers[0] not in self.issues else 422)
        self.issues[numbers[0]] |= body
        return self.issues[numbers[0]]


def _body(body: Any) -> str:
    text = body.get("body")
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_BODY:
        raise RefusedError(422)
    return text


def _page(entries: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    if set(query) - {"per_page", "page", "state"} or size > 100:
        raise RefusedError(422)
    return entries[(page - 1) * size : page * size]


@contextmanager
def serving() -> Iterator[GitHub]:
    """Serve GitHub on the loopback interface."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            try:
                code = 200
                answer = github.answer(self.command, self.path, token, json.loads(content) if content else None)
            except RefusedError as error:
                code, answer = error.code, {"message": str(error)}
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """`calls` has them already."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
