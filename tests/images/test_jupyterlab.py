"""JupyterLab in its image: the login, a notebook, kernels that end in order."""

from __future__ import annotations

import json

import pytest

from specs.podman import STOP_TIMEOUT_SECONDS
from tests.images.conftest import New
from tests.support.app_container import PASSWORD, SECONDS, AppContainer
from tests.support.jupyter import PLOT, image_size, kernel, login, pictures
from tests.support.machine import session

NOTEBOOK = """\
import json, sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(sys.stdin.read())])
NotebookClient(notebook, timeout=240, startup_timeout=240).execute()
print(json.dumps(notebook.cells[0].outputs))
"""
# Runs only in a kernel that is asked to end, and not in one that is killed.
FAREWELL = """\
import atexit, pathlib
atexit.register(lambda: pathlib.Path("kernel-ended").write_text("in order"))
print("started")
"""


@pytest.fixture
def service(running: New) -> AppContainer:
    """The app as the program runs it."""
    return running("jupyterlab")


def test_the_login_page_is_served(service: AppContainer) -> None:
    page = session().get(f"{service.url}/login", timeout=60)
    assert page.status_code == 200
    assert 'name="password"' in page.text


def test_whoever_is_not_logged_in_is_sent_to_the_login_page(service: AppContainer) -> None:
    answer = session().get(f"{service.url}/lab", allow_redirects=False, timeout=60)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?")
    assert session().get(f"{service.url}/api/kernels", timeout=60).status_code == 403


def test_the_password_is_accepted_and_no_other(service: AppContainer) -> None:
    assert login(service.url, f"{PASSWORD}x") is None
    http = login(service.url, PASSWORD)
    assert http
    page = http.get(f"{service.url}/lab", timeout=60)
    assert page.status_code == 200
    assert "jupyter-config-data" in page.text


def test_a_notebook_with_a_plot_executes(service: AppContainer) -> None:
    outputs = json.loads(service.python(NOTEBOOK, stdin=PLOT))
    [picture] = pictures(outputs)
    assert min(image_size(picture)) > 200


def test_with_a_secret_that_is_no_hash_it_does_not_start_and_does_not_show_it(new: New) -> None:
    content = "opensesame"
    container = new("jupyterlab").start(secrets={"password-hash": content})
    assert container.exit_code() == 1
    [line] = container.log().splitlines()
    assert line.startswith("JupyterLab not started: /etc/app-secrets/password-hash is not a hash of the form")
    assert content not in line


def test_sigterm_ends_kernels_in_order_and_then_the_server_by_itself(new: New) -> None:
    service = new("jupyterlab").start().healthy()
    http = login(service.url, PASSWORD)
    assert http
    client = kernel(service.url, http)
    client.start(timeout=SECONDS)
    reply = client.execute(FAREWELL, timeout=SECONDS)
    assert [output["text"] for output in reply["outputs"]] == ["started\n"]
    # The client is left open: stopping it would end the kernel.
    code, seconds = service.stop()
    assert code == 0
    assert seconds < STOP_TIMEOUT_SECONDS
    assert (service.data / "kernel-ended").read_text() == "in order"
