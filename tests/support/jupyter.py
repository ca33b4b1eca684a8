"""A client of JupyterLab: the login form and the kernels."""

from __future__ import annotations

import base64
import struct
from typing import Any

import requests
from jupyter_kernel_client import JupyterKernelClient  # type: ignore[import-untyped]

from tests.support.machine import session

PLOT = """\
import matplotlib.pyplot as plt
figure, axes = plt.subplots()
axes.plot([1, 4, 9, 16], label="squares")
axes.legend()
plt.show()
"""


def login(url: str, password: str) -> requests.Session | None:
    """Log in through the form like a browser. Returns None if the password is refused."""
    http = session()
    http.get(f"{url}/login", timeout=10).raise_for_status()
    form = {"_xsrf": http.cookies["_xsrf"], "password": password}
    answer = http.post(f"{url}/login", data=form, allow_redirects=False, timeout=20)
    if answer.status_code == 401:
        return None
    assert answer.status_code == 302, answer.text
    assert http.get(f"{url}/api/status", timeout=10).status_code == 200
    return http


def kernel(url: str, http: requests.Session) -> JupyterKernelClient:
    """A client of a new kernel. Use it as a context manager."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in http.cookies)
    headers = {"Cookie": cookies, "X-XSRFToken": http.cookies["_xsrf"]}
    return JupyterKernelClient(server_url=url, token=None, headers=headers)


def image_size(base64_png: str) -> tuple[int, int]:
    """Width and height of a PNG. Raises AssertionError if it is no PNG or is too small for a picture."""
    data = base64.b64decode(base64_png)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")
    assert len(data) > 5000
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def pictures(outputs: list[dict[str, Any]]) -> list[str]:
    """The PNGs of a cell's outputs, in base64."""
    return [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
