"""JupyterLab by a client library, through the stack's own tunnel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.jupyter import PLOT, image_size, kernel, login, pictures
from tests.support.machine import session
from tests.support.stack import Stack
from tests.support.wheels import download, served


def test_nobody_gets_a_kernel_without_the_password(url: str, stack: Stack) -> None:
    assert login(url, f"{stack.password}x") is None
    assert session().get(f"{url}/api/kernels", timeout=10).status_code == 403


def test_a_kernel_runs_a_plot_over_its_websocket(url: str, stack: Stack) -> None:
    http = login(url, stack.password)
    assert http is not None
    with kernel(url, http) as client:
        reply = client.execute(PLOT, timeout=60)
    assert reply["status"] == "ok"
    [picture] = pictures(reply["outputs"])
    assert min(image_size(picture)) > 300


def test_a_kernel_that_is_not_ipykernel_is_installed_and_starts(url: str, stack: Stack, tmp_path: Path) -> None:
    if not download(tmp_path, "xeus-python==0.19.0", "xeus-python-shell==0.8.1"):
        pytest.skip("xeus-python has no wheel for this platform")
    http = login(url, stack.password)
    assert http is not None
    with kernel(url, http) as client, served(tmp_path) as index:
        reply = client.execute(f"%pip install {index} xeus-python", timeout=60)
        assert "Successfully installed xeus-python" in "".join(output.get("text", "") for output in reply["outputs"])
    other = kernel(url, http)
    other.start(name="xpython")
    try:
        reply = other.execute("import sys; print('xpython' in sys.modules)", timeout=60)
    finally:
        other.stop()
    assert [output["text"].strip() for output in reply["outputs"]] == ["True"]
