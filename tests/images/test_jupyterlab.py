"""JupyterLab in its image: login, notebook, packages, git, kernels."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sandbox import engine, paths, tls
from sandbox.process import privileged, run
from specs.container import STOP_TIMEOUT_SECONDS
from tests.images.conftest import New, native_only
from tests.support.app_container import PASSWORD, SECONDS, AppContainer
from tests.support.jupyter import PLOT, image_size, kernel, login, pictures
from tests.support.machine import session
from tests.support.wheels import make

NOTEBOOK = """\
import json, sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(sys.stdin.read())])
NotebookClient(notebook, timeout=240, startup_timeout=240).execute()
print(json.dumps(notebook.cells[0].outputs))
"""
# The files of two packages from pip: one that a person named, and a dependency.
OTHER_PYTHON = """\
import pathlib
for name in ("named", "came_with_it"):
    folder = pathlib.Path.home() / f".local/lib/python3.7/site-packages/{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n")
    if name == "named":
        (folder / "REQUESTED").touch()
"""
# Runs in a kernel that ends in order, and not in one that is killed.
FAREWELL = """\
import atexit, pathlib
atexit.register(lambda: pathlib.Path("kernel-ended").write_text("in order"))
print("started")
"""


@pytest.fixture
def service(running: New) -> AppContainer:
    """A container of the app."""
    return running("jupyterlab")


def cells(container: AppContainer, *code: str) -> list[str]:
    """The output of each cell, in a new kernel."""
    http = login(container.url, PASSWORD)
    assert http
    client = kernel(container.url, http)
    client.start(timeout=SECONDS)
    try:
        replies = [client.execute(one, timeout=SECONDS) for one in code]
    finally:
        client.stop()
    assert [reply["status"] for reply in replies] == ["ok"] * len(code), replies
    return ["".join(output["text"] for output in reply["outputs"]) for reply in replies]


def offer(container: AppContainer, folder: Path, **code: str) -> str:
    """Put wheels of these modules, version 99, on the data volume. Returns options for pip and uv."""
    for name, content in code.items():
        make(folder / "wheels", name, "99", content)
    run(privileged(["cp", "-r", folder / "wheels", container.data]))
    return f"--no-index --find-links {container.app.data_path}/wheels"


@contextmanager
def served_over_tls(folder: Path, certificates: Path) -> Iterator[str]:
    """Serve a folder to containers; the address. `certificates`: gets the CA's, ca.pem, among others."""
    tls.ensure(certificates, paths.GATEWAY, paths.SUBNET)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server-key.pem")
    server = ThreadingHTTPServer((paths.GATEWAY, 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://{paths.GATEWAY}:{server.server_port}"
    finally:
        server.shutdown()


@native_only
def test_the_login_page_is_served(service: AppContainer) -> None:
    page = session().get(f"{service.url}/login", timeout=60)
    assert page.status_code == 200
    assert 'name="password"' in page.text


@native_only
def test_people_without_a_login_are_sent_to_the_login_page(service: AppContainer) -> None:
    answer = session().get(f"{service.url}/lab", allow_redirects=False, timeout=60)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?")
    assert session().get(f"{service.url}/api/kernels", timeout=60).status_code == 403


@native_only
def test_only_the_password_is_accepted(service: AppContainer) -> None:
    assert login(service.url, f"{PASSWORD}x") is None
    http = login(service.url, PASSWORD)
    assert http
    page = http.get(f"{service.url}/lab", timeout=60)
    assert page.status_code == 200
    assert "jupyter-config-data" in page.text


def test_a_notebook_with_a_plot_runs(service: AppContainer) -> None:
    outputs = json.loads(service.python(NOTEBOOK, stdin=PLOT))
    [picture] = pictures(outputs)
    assert min(image_size(picture)) > 200


def test_pip_and_uv_install_for_kernels_onto_the_data_volume(service: AppContainer, tmp_path: Path) -> None:
    where = offer(service, tmp_path, first="", second="", third="", fourth="")
    commands = ("%pip install first", "!pip install second", "%uv pip install third", "!uv pip install fourth")
    *_, printed = cells(
        service, *(f"{one} {where}" for one in commands), "import first, second, third, fourth; print(fourth.__file__)"
    )
    assert printed.startswith(f"{service.app.data_path}/.local/lib/python3.")


@native_only
def test_an_installed_package_cannot_break_the_server(new: New, tmp_path: Path) -> None:
    container = new("jupyterlab").start().healthy()
    where = offer(container, tmp_path, jinja2="raise RuntimeError('broken')")
    pip = f"{container.app.data_path}/.local/bin/pip"
    container.run(pip, "install", "--no-deps", "jinja2==99", *where.split())
    assert "RuntimeError: broken" in container.run(pip.replace("pip", "python"), "-c", "import jinja2", check=False)
    engine.podman("restart", container.name)
    assert 'name="password"' in session().get(f"{container.healthy().url}/login", timeout=60).text


@native_only
def test_the_first_cell_names_packages_of_another_python_version(service: AppContainer) -> None:
    service.python(OTHER_PYTHON)
    first, second = cells(service, "print('first')", "print('second')")
    [head, again, forget, printed] = first.splitlines()
    assert re.match(r"Python is 3\.\d+ now\. These packages were installed for another version:$", head)
    assert again.split("#")[0].strip() == "%pip install named"
    assert (printed, second) == ("first", "second\n")
    cells(service, forget.strip())
    assert cells(service, "print('third')") == ["third\n"]


def test_git_commits_and_clones_over_https(service: AppContainer, tmp_path: Path) -> None:
    author = "-c user.name=me -c user.email=me@example.com"
    cells(
        service,
        f"!git init --quiet origin && git -C origin {author} commit --quiet --allow-empty --message 'first commit'",
        "!git clone --quiet --bare origin origin.git && git -C origin.git update-server-info",
    )
    with served_over_tls(service.data, tmp_path) as url:
        run(privileged(["cp", tmp_path / "ca.pem", service.data]))
        trust = f"-c http.sslCAInfo={service.app.data_path}/ca.pem"
        [log] = cells(service, f"!git {trust} clone --quiet {url}/origin.git cloned && git -C cloned log --format=%s")
    assert log.strip() == "first commit"


@native_only
def test_requests_for_another_host_are_refused_without_a_load_balancer(service: AppContainer) -> None:
    assert session().get(service.health_url, headers={"Host": "elsewhere.example"}, timeout=60).status_code == 403


@native_only
def test_it_does_not_start_with_a_secret_that_is_no_hash_nor_shows_it(new: New) -> None:
    content = "opensesame"
    container = new("jupyterlab").start(secrets={"password-hash": content})
    assert container.exit_code() == 1
    [line] = container.log().splitlines()
    assert line.startswith("JupyterLab not started: /etc/app-secrets/password-hash is not a hash of the form")
    assert content not in line


@native_only
def test_sigterm_ends_kernels_and_then_the_server_in_order(new: New) -> None:
    service = new("jupyterlab").start().healthy()
    http = login(service.url, PASSWORD)
    assert http
    client = kernel(service.url, http)
    client.start(timeout=SECONDS)
    reply = client.execute(FAREWELL, timeout=SECONDS)
    assert [output["text"] for output in reply["outputs"]] == ["started\n"]
    # The client stays open, because its end would end the kernel.
    code, seconds = service.stop()
    assert code == 0
    assert seconds < STOP_TIMEOUT_SECONDS
    assert (service.data / "kernel-ended").read_text() == "in order"
