"""JupyterLab in a real browser, through the stack's tunnel."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.app_container import in_ci
from tests.support.browser import chromium, lab, log_in, open_notebook, plot, restart_kernel, run_cell
from tests.support.jupyter import pictures
from tests.support.machine import on_machine
from tests.support.stack import Stack
from tests.support.wheels import download, served

# A compiled package without dependencies that is not in the image.
COMPILED = "msgpack==1.1.2"
IMPORT = "from msgpack import _cmsgpack; print(_cmsgpack.__file__)"
INSTALLED = re.compile(r"^/jupyter/\.local/lib/python3\.\d+/site-packages/msgpack/_cmsgpack\.\S+\.so")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with lab(browser, url) as opened:
        yield opened


def test_login_page_refuses_a_wrong_password(page: Page, stack: Stack) -> None:
    assert "/login" in page.url
    log_in(page, f"{stack.password}x")
    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    page.goto(f"{stack.output('url')}/lab")
    assert "/login" in page.url


def test_notebook_shows_a_plot_and_is_saved_on_the_data_volume(page: Page, stack: Stack) -> None:
    log_in(page, stack.password)
    plot(page, stack.folder / "plot.png")
    file = f"{stack.output('dataFolder')}/plot.ipynb"
    notebook = json.loads(on_machine(stack, f"sudo cat {file}"))
    assert pictures(notebook["cells"][0]["outputs"]) != []
    device = on_machine(stack, f"readlink -f $(sudo findmnt --noheadings --output SOURCE --target {file})")
    assert device == on_machine(stack, "readlink -f /dev/oracleoci/oraclevdb")
    # JupyterLab does not ask about its news.
    expect(page.get_by_text("Jupyter news")).to_have_count(0)


def test_package_installed_in_a_notebook_survives_the_container(
    page: Page, browser: Browser, url: str, stack: Stack, context: Path, tmp_path: Path
) -> None:
    download(tmp_path, COMPILED)
    log_in(page, stack.password)
    open_notebook(page)
    with served(tmp_path) as index:
        expect(run_cell(page, f"%pip install {index} {COMPILED}")).to_contain_text("Successfully installed msgpack")
    run_cell(page, "restarted = False")
    restart_kernel(page)
    expect(run_cell(page, "print('restarted' in globals())")).to_have_text("False\n")
    expect(run_cell(page, IMPORT)).to_have_text(INSTALLED)
    image = stack.output("image")
    with (context / "Dockerfile").open("a") as dockerfile:
        dockerfile.write('LABEL version="next"\n')
    stack.up()
    assert stack.output("image") != image
    with lab(browser, url) as again:
        log_in(again, stack.password)
        open_notebook(again)
        expect(run_cell(again, IMPORT)).to_have_text(INSTALLED)


def test_another_kernel_can_be_installed_and_started(page: Page, stack: Stack, tmp_path: Path) -> None:
    if platform.machine() == "aarch64" and not in_ci():
        pytest.skip("xeus-python has no wheel for this platform")
    download(tmp_path, "xeus-python==0.19.0", "xeus-python-shell==0.8.1")
    log_in(page, stack.password)
    open_notebook(page)
    with served(tmp_path) as index:
        expect(run_cell(page, f"%pip install {index} xeus-python")).to_contain_text(
            "Successfully installed xeus-python"
        )
    page.goto(f"{stack.output('url')}/lab?reset")
    open_notebook(page, "XPython")
    expect(run_cell(page, "import sys; print('ipykernel' in sys.modules)")).to_have_text("False\n")
