"""Make README's pictures on a sandbox: try-it.svg, a recording of the terminal, and notebook.png, a screenshot.

    sandbox/bootstrap --test && .sandbox/venv/bin/python -m docs.images.record [try-it] [notebook]

The stack `local` is up afterwards; `make local-down` takes it down. termtosvg draws the recording.
"""

from __future__ import annotations

import codecs
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from sandbox import paths
from tests.support.browser import SECONDS, chromium, log_in

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
DRAWER = ("--from", "termtosvg==1.1.0", "--with", "setuptools==75.8.0", "termtosvg")
TERMTOSVG = [sys.executable, "-m", "uv", "tool", "run", *DRAWER]
COLUMNS, LINES = 104, 30
PROMPT = "\x1b[32m$\x1b[0m "
# A recording of half a minute shows a run of several.
SPEED_UP = 4.0
SECONDS_A_KEY, SECONDS_TO_READ = 0.06, 2.5

URL = "http://127.0.0.1:8888"
CELL = """\
import matplotlib.pyplot as plt
import numpy as np

path = np.empty((20_000, 3))
x, y, z = 0.1, 0.0, 0.0
for step in range(len(path)):
    dx, dy, dz = 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z
    path[step] = x, y, z = x + 0.005 * dx, y + 0.005 * dy, z + 0.005 * dz

figure, axes = plt.subplots(figsize=(9, 3.9), facecolor="#101020", layout="tight")
axes.scatter(path[:, 0], path[:, 2], c=np.arange(len(path)), cmap="plasma", s=0.3)
axes.axis("off")
plt.show()"""
TEXT = """\
# The Lorenz attractor
$$\\dot x = 10\\,(y - x) \\qquad \\dot y = x\\,(28 - z) - y \\qquad \\dot z = x\\,y - \\tfrac{8}{3}\\,z$$"""


class Recording:
    """A terminal with commands typed into it, as events of asciicast v2: [seconds, "o", text]."""

    def __init__(self) -> None:
        self._events: list[tuple[float, str, str]] = []
        self._now = 0.0

    def _show(self, text: str, seconds: float) -> None:
        self._now += seconds
        # The checkout's own path is private.
        self._events.append((round(self._now, 3), "o", text.replace(str(ROOT), "~/containerised-app")))

    def run(self, command: str, until: str = "") -> None:
        """Type a command, run it, and show what it prints. If `until` is given, stop the command after it printed that."""
        self._show(PROMPT, 0.0)
        for key in command:
            self._show(key, SECONDS_A_KEY)
        self._show("\r\n", 0.5)
        screen, terminal = pty.openpty()
        subprocess.run(["stty", "rows", str(LINES), "columns", str(COLUMNS)], stdin=terminal, check=True)
        process = subprocess.Popen(
            ["env", "TERM=xterm-256color", "sh", "-c", command],
            cwd=ROOT,
            start_new_session=True,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        decoder, printed, before = codecs.getincrementaldecoder("utf-8")("replace"), "", time.monotonic()
        while not (until and until in printed) and (data := read(screen)):
            text, now = decoder.decode(data), time.monotonic()
            self._show(text, (now - before) / SPEED_UP)
            printed, before = printed + text, now
        if until:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        self._show("", SECONDS_TO_READ)

    def draw(self, picture: Path) -> None:
        """Write the recording as an animated SVG."""
        header = {"version": 2, "width": COLUMNS, "height": LINES}
        cast = paths.HOME / "try-it.cast"
        cast.write_text("".join(json.dumps(line) + "\n" for line in [header, *self._events]))
        options = ["--template", "window_frame", "--min-frame-duration", "200", "--loop-delay", "4000"]
        subprocess.run([*TERMTOSVG, "render", str(cast), str(picture), *options], check=True)
        # Some bright colours of the template are as dark as the background.
        svg = picture.read_text()
        for color, code in re.findall(r"\.color([1-7]) \{fill: (#\w+)\}", svg):
            svg = re.sub(rf"\.color{int(color) + 8} \{{fill: #\w+\}}", f".color{int(color) + 8} {{fill: {code}}}", svg)
        picture.write_text(svg)


def read(screen: int) -> bytes:
    """What a terminal shows next; nothing after its program has ended."""
    try:
        return os.read(screen, 65536)
    except OSError:
        return b""


def try_it() -> None:
    """Record what README tells a newcomer to type."""
    recording = Recording()
    recording.run("make local")
    recording.run("make tunnel    # then browse to http://127.0.0.1:8888", until="ssh ")
    recording.draw(FOLDER / "try-it.svg")


def notebook() -> None:
    """Take the screenshot of a notebook with a plot."""
    password = subprocess.run(["make", "--silent", "password"], cwd=ROOT, capture_output=True, text=True, check=True)
    tunnel = subprocess.Popen(["make", "tunnel"], cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        subprocess.run(["curl", "--silent", "--fail", "--retry", "60", "--retry-connrefused", f"{URL}/api"], check=True)
        with chromium() as browser:
            context = browser.new_context(viewport={"width": 1180, "height": 850}, device_scale_factor=1.25)
            page = context.new_page()
            page.goto(f"{URL}/lab?reset")
            log_in(page, password.stdout.strip())
            expect(page.get_by_role("menubar")).to_be_visible()
            [xsrf] = [str(cookie["value"]) for cookie in context.cookies() if cookie["name"] == "_xsrf"]
            page.request.put(
                f"{URL}/api/contents/lorenz.ipynb", data=json.dumps(document()), headers={"X-XSRFToken": xsrf}
            )
            page.goto(f"{URL}/lab/tree/lorenz.ipynb?reset")
            expect(page.get_by_text("| Idle")).to_be_visible()
            page.get_by_role("menubar").get_by_text("Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells").first.click()
            page.locator(".jp-OutputArea-output img").wait_for(timeout=60 * SECONDS)
            expect(page.get_by_text("| Idle")).to_be_visible()
            page.screenshot(path=FOLDER / "notebook.png")
    finally:
        os.killpg(tunnel.pid, signal.SIGTERM)


def document() -> dict[str, Any]:
    """The notebook, as Jupyter's contents API takes it."""
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    cells = [
        {"id": "text", "cell_type": "markdown", "metadata": {}, "source": TEXT},
        {"id": "plot", "cell_type": "code", "metadata": {}, "source": CELL, "outputs": [], "execution_count": None},
    ]
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return {"type": "notebook", "format": "json", "content": content}


if __name__ == "__main__":
    pictures = {"try-it": try_it, "notebook": notebook}
    for name in sys.argv[1:] or pictures:
        pictures[name]()
