"""Configuration of the Jupyter server in this image.

Lies in the folder that JUPYTER_CONFIG_PATH names, which goes before ~/.jupyter: the home is on the data volume, and a
password once saved there must not outlive its rotation.

A problem with the password ends the start by SystemExit. Any other exception in a configuration file Jupyter only logs,
and then starts without the file.
"""

import os
import re
from pathlib import Path

# What jupyter_server.auth.passwd() makes: Argon2id in PHC string format (salt of 16 bytes, hash of 32) behind a prefix.
_HASH = re.compile(r"argon2:\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43,}")


def _password_hash(path: Path) -> str:
    """The hash in the mounted secret `path`; SystemExit when there is none. The message never quotes the content."""
    try:
        found = path.read_text(encoding="ascii").strip()
    except OSError as problem:
        raise SystemExit(f"JupyterLab not started: no password hash at {path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise SystemExit(f"JupyterLab not started: {path} is not a password hash") from None
    if not found:
        raise SystemExit(f"JupyterLab not started: the password hash at {path} is empty")
    if not _HASH.fullmatch(found):
        raise SystemExit(f"JupyterLab not started: {path} is not a hash of the form argon2:$argon2id$...")
    return found


def _seconds(name: str) -> int:
    """The whole seconds in an environment variable, 0 when it is not set; SystemExit when it is not a number."""
    value = os.environ.get(name, "0")
    if not value.isdecimal():
        raise SystemExit(f"JupyterLab not started: {name} is {value!r}; it takes whole seconds, 0 for never")
    return int(value)


c = get_config()  # noqa: F821 - put here by the loader of traitlets

c.PasswordIdentityProvider.hashed_password = _password_hash(
    Path(os.environ.get("PASSWORD_HASH_FILE", "/etc/app-secrets/password-hash"))
)
c.PasswordIdentityProvider.password_required = True
c.PasswordIdentityProvider.allow_password_change = False
# No second way in: JUPYTER_TOKEN in the environment would be one.
c.IdentityProvider.token = ""

c.ServerApp.root_dir = os.environ.get("DATA_PATH", "/jupyter")
c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - of the container; what is published is decided outside
c.ServerApp.port = int(os.environ.get("PORT", "8888"))
# A taken port is an error here; the next free one would be published by nobody.
c.ServerApp.port_retries = 0
# This check of the Host header stops DNS rebinding: a page that has its name point here, to read what only the tunnel's end may. Behind a
# load balancer requests carry whatever name people gave it, and Kubernetes' own the pod's address.
c.ServerApp.allow_remote_access = os.environ.get("BEHIND_LOAD_BALANCER") == "1"
c.ServerApp.open_browser = False
c.ServerApp.quit_button = False
# A login shell would read /etc/profile, which takes the app's folder off PATH.
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
# Kernels that can encrypt do: ipykernel would warn. Not over sockets of the file system, which not every kernel can.
c.KernelManager.transport_encryption = "auto"
# The trash is a hidden folder that nobody could empty from the browser.
c.FileContentsManager.delete_to_trash = False

# Idle kernels keep their memory until somebody ends them, unless told otherwise. Output that nobody has seen yet is not lost: a kernel
# that still runs a cell is not idle.
c.MappingKernelManager.cull_idle_timeout = _seconds("CULL_IDLE_SECONDS")
c.MappingKernelManager.cull_interval = 60
# A notebook left open in a forgotten tab is idle too.
c.MappingKernelManager.cull_connected = True

# Nothing is asked of other servers, and nothing offered that a read-only image cannot do.
c.LabApp.news_url = None  # page_config.json turns the question off whether one wants news
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
