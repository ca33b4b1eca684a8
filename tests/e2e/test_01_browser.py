"""JupyterLab in a real browser, through the stack's own tunnel."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.jupyter import PLOT, image_size, pictures
from tests.support.machine import on_machine
from tests.support.stack import Stack

# Debian's name first; Ubuntu and Google have others.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SECONDS = 1000.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert program, f"none of {', '.join(CHROMIUM)} is installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(60 * SECONDS)
        # Not the layout that an earlier visit left on the data volume.
        page.goto(f"{url}/lab?reset")
        yield page


def log_in(page: Page, password: str) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_the_login_page_refuses_a_wrong_password(page: Page, stack: Stack) -> None:
    assert "/login" in page.url
    log_in(page, f"{stack.password}x")
    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    page.goto(f"{stack.output('url')}/lab")
    assert "/login" in page.url


def test_a_cell_that_plots_shows_its_picture_and_the_notebook_lies_on_the_data_volume(page: Page, stack: Stack) -> None:
    log_in(page, stack.password)
    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    expect(page.get_by_text("| Idle")).to_be_visible(timeout=60 * SECONDS)
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.insert_text(PLOT)
    page.keyboard.press("Shift+Enter")

    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for()
    page.screenshot(path=stack.folder / "plot.png")
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

    file = f"{stack.output('dataFolder')}/plot.ipynb"
    notebook = json.loads(on_machine(stack, f"sudo cat {file}"))
    assert pictures(notebook["cells"][0]["outputs"]) != []
    device = on_machine(stack, f"readlink -f $(sudo findmnt --noheadings --output SOURCE --target {file})")
    assert device == on_machine(stack, "readlink -f /dev/oracleoci/oraclevdb")
