"""JupyterLab by a client library, through the stack's own tunnel."""

from __future__ import annotations

from tests.support.jupyter import PLOT, image_size, kernel, login, pictures
from tests.support.machine import session
from tests.support.stack import Stack


def test_kernel_requires_the_password(url: str, stack: Stack) -> None:
    assert login(url, f"{stack.password}x") is None
    assert session().get(f"{url}/api/kernels", timeout=10).status_code == 403


def test_kernel_draws_a_plot_over_its_websocket(url: str, stack: Stack) -> None:
    http = login(url, stack.password)
    assert http is not None
    with kernel(url, http) as client:
        reply = client.execute(PLOT, timeout=60)
    assert reply["status"] == "ok"
    [picture] = pictures(reply["outputs"])
    assert min(image_size(picture)) > 300
