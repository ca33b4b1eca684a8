"""JupyterLab in a real browser, through the stack's own tunnel."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import chromium, lab, log_in, plot
from tests.support.jupyter import pictures
from tests.support.machine import on_machine
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with lab(browser, url) as opened:
        yield opened


def test_the_login_page_refuses_a_wrong_password(page: Page, stack: Stack) -> None:
    assert "/login" in page.url
    log_in(page, f"{stack.password}x")
    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    page.goto(f"{stack.output('url')}/lab")
    assert "/login" in page.url


def test_a_cell_that_plots_shows_its_picture_and_the_notebook_lies_on_the_data_volume(page: Page, stack: Stack) -> None:
    log_in(page, stack.password)
    plot(page, stack.folder / "plot.png")
    file = f"{stack.output('dataFolder')}/plot.ipynb"
    notebook = json.loads(on_machine(stack, f"sudo cat {file}"))
    assert pictures(notebook["cells"][0]["outputs"]) != []
    device = on_machine(stack, f"readlink -f $(sudo findmnt --noheadings --output SOURCE --target {file})")
    assert device == on_machine(stack, "readlink -f /dev/oracleoci/oraclevdb")
