"""Starts the JupyterLab server: python -I start.py [option …].

The server runs on the image's packages, so nothing that a person installs can break it. Kernels and terminals run in a virtual
environment in ~/.local, on the data volume. It sees the image's packages, and pip and uv install into it. Jupyter finds its kernels in
~/.local/share/jupyter.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import venv
from pathlib import Path

from jupyterlab.labapp import main

IMAGE = Path(sys.prefix)


def prepare(environment: Path) -> None:
    """Make the virtual environment, or change it to another Python. Packages of the Python before stay in a folder of its version."""
    packages = sysconfig.get_path("purelib")
    own_packages = Path(sysconfig.get_path("purelib", vars={"base": environment}))
    # Written last. If it is up to date, nothing is written: the volume may be full.
    link = own_packages / "image.pth"
    text = f"# {sys.version_info}, {Path(sys.executable).resolve()}\nimport site; site.addsitedir({packages!r})\n"
    if link.is_file() and link.read_text() == text:
        return
    for old in environment.glob("bin/python*"):
        if old.is_symlink():
            old.unlink()
    venv.create(environment, symlinks=True)
    for script in (IMAGE / "bin").iterdir():
        # Such as pip and ipython. The image's own see only the image's packages.
        own = environment / "bin" / script.name
        shebang = f"#!{IMAGE}/bin/python\n".encode()
        if not own.exists() and script.read_bytes().startswith(shebang):
            own.write_bytes(script.read_bytes().replace(shebang, f"#!{environment}/bin/python\n".encode(), 1))
            own.chmod(0o755)
    link.write_text(text)


def use(environment: Path) -> None:
    """Let kernels and terminals run in the virtual environment."""
    os.environ["VIRTUAL_ENV"] = str(environment)
    os.environ["PATH"] = f"{environment}/bin:{os.environ['PATH']}"
    # Jupyter's programs look in the environment, and find the image's files by this.
    os.environ["JUPYTER_PATH"] = f"{environment}/share/jupyter:{IMAGE}/share/jupyter"
    # It starts the kernels that have the command "python" (source: jupyter_client, KernelManager.format_kernel_cmd).
    sys.executable = f"{environment}/bin/python"


if __name__ == "__main__":
    home = Path.home() / ".local"
    try:
        prepare(home)
        use(home)
    except OSError as problem:
        print(f"{home}: {problem.strerror}; kernels only have the image's packages", file=sys.stderr, flush=True)
    sys.exit(main())
