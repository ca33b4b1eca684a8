"""JupyterLab in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.support.jupyter import PLOT, image_size

# Debian's name first; Ubuntu and Google have others.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SECONDS = 1000.0


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed Chromium, without a window."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert program, f"none of {', '.join(CHROMIUM)} is installed"
    expect.set_options(timeout=60 * SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def lab(browser: Browser, url: str) -> Iterator[Page]:
    """A page at JupyterLab's address. Without a login it shows the form."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(60 * SECONDS)
        # Ignore the layout that an earlier visit saved on the data volume.
        page.goto(f"{url}/lab?reset")
        yield page


def log_in(page: Page, password: str) -> None:
    """Fill in the login form."""
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def open_notebook(page: Page, kernel: str = "") -> None:
    """Open a new notebook with the first kernel that has this text in its name."""
    page.locator('.jp-LauncherCard[data-category="Notebook"]').filter(has_text=kernel).first.click()
    expect(page.get_by_text("| Idle")).to_be_visible()


def run_cell(page: Page, code: str) -> Locator:
    """Run code in the last cell and return the locator of its output."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").last
    cell.locator(".cm-content").click()
    page.keyboard.insert_text(code)
    number = page.locator(".jp-Notebook .jp-CodeCell").count() - 1
    page.keyboard.press("Shift+Enter")
    return page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".jp-OutputArea-output")


def restart_kernel(page: Page) -> None:
    """Restart the notebook's kernel from the menu."""
    page.get_by_role("menubar").get_by_text("Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel…").click()
    with page.expect_response(lambda answer: answer.url.partition("?")[0].endswith("/restart")) as restarted:
        page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    assert restarted.value.ok
    expect(page.get_by_text("| Idle")).to_be_visible()


def plot(page: Page, screenshot: Path) -> None:
    """Plot in a new notebook, check the picture, and save the notebook as plot.ipynb."""
    open_notebook(page)
    run_cell(page, PLOT)
    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    page.screenshot(path=screenshot)
    kind, _, data = str(picture.get_attribute("src")).partition(",")
    assert kind == "data:image/png;base64"
    assert image_size(data) == tuple(picture.evaluate("image => [image.naturalWidth, image.naturalHeight]"))
    assert min(image_size(data)) > 300

    page.keyboard.press("Control+s")
    page.get_by_role("dialog").get_by_role("textbox").fill("plot.ipynb")
    with page.expect_response(
        lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
    ) as saved:
        page.get_by_role("button", name="Rename and Save").click()
    assert saved.value.ok
    expect(page.get_by_role("tab", name="plot.ipynb")).to_be_visible()
