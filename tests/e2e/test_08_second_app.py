"""A second app, a package index, in its own stack and from configuration only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from tests.support.jupyter import login
from tests.support.machine import on_machine, session, tunnel
from tests.support.stack import Stack

WHEEL = "e2e_helpers-1.0-py3-none-any.whl"
MODULE = "ANSWER = 42\n"


def test_both_apps_run_side_by_side(stack: Stack, second: Stack) -> None:
    with tunnel(stack) as url, tunnel(second) as other:
        assert url != other
        assert login(url, stack.password)
        assert session().get(f"{other}/simple/", auth=("team", second.password), timeout=10).status_code == 200
    assert stack.output("address") != second.output("address")


def test_pip_installs_a_package_published_on_the_data_volume(second: Stack, tmp_path: Path) -> None:
    content = wheel()
    form = {":action": "file_upload", "name": "e2e_helpers", "version": "1.0"}
    with tunnel(second) as url:
        login = ("team", second.password)
        answer = session().post(f"{url}/", data=form, files={"content": (WHEEL, content)}, auth=login, timeout=20)
        assert answer.status_code == 200, answer.text
        index = f"{url.replace('://', f'://team:{second.password}@')}/simple/"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]
        environment = {**os.environ, "PIP_INDEX_URL": index, "NO_PROXY": "127.0.0.1"}
        subprocess.run([*install, "--target", str(tmp_path), "e2e-helpers"], env=environment, check=True, timeout=60)
    assert (tmp_path / "e2e_helpers.py").read_text() == MODULE
    file = f"{second.output('dataFolder')}/{WHEEL}"
    assert on_machine(second, f"sudo sha256sum {file}").split()[0] == hashlib.sha256(content).hexdigest()
    device = on_machine(second, f"readlink -f $(sudo findmnt --noheadings --output SOURCE --target {file})")
    assert device == on_machine(second, "readlink -f /dev/oracleoci/oraclevdb")


def wheel() -> bytes:
    """Return a minimal package for pip."""
    information = {
        "METADATA": "Metadata-Version: 2.1\nName: e2e-helpers\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: e2e\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        archive.writestr("e2e_helpers.py", MODULE)
        for name, text in information.items():
            archive.writestr(f"e2e_helpers-1.0.dist-info/{name}", text)
    return data.getvalue()
