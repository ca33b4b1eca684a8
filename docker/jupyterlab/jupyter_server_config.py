"""Configuration of the Jupyter server in this image.

It is in the folder of JUPYTER_CONFIG_PATH, which Jupyter prefers to ~/.jupyter. The home is on the data volume, and a password
that someone saved there must not outlive a change of the password.

An error raises SystemExit. Jupyter only logs any other exception of a configuration file, and starts without the file.
"""

import os
import re
from pathlib import Path

# The form of jupyter_server.auth.passwd(): a prefix, then Argon2id in PHC string format (salt of 16 bytes, hash of 32).
_HASH = re.compile(r"argon2:\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43,}")


def _password_hash(path: Path) -> str:
    """The hash in the mounted secret `path`. Raises SystemExit, which never quotes the content, if there is none."""
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
    """The whole seconds in an environment variable, 0 if it is not set. Raises SystemExit if it is no number."""
    value = os.environ.get(name, "0")
    if not value.isdecimal():
        raise SystemExit(f"JupyterLab not started: {name} is {value!r}; it takes whole seconds, 0 for never")
    return int(value)


c = get_config()  # noqa: F821 - defined by traitlets' loader

c.PasswordIdentityProvider.hashed_password = _password_hash(
    Path(os.environ.get("PASSWORD_HASH_FILE", "/etc/app-secrets/password-hash"))
)
c.PasswordIdentityProvider.password_required = True
c.PasswordIdentityProvider.allow_password_change = False
# Without this, JUPYTER_TOKEN in the environment is a second way in.
c.IdentityProvider.token = ""

c.ServerApp.root_dir = os.environ.get("DATA_PATH", "/jupyter")
c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - of the container; podman or Kubernetes publish the port
c.ServerApp.port = int(os.environ.get("PORT", "8888"))
# If the port is taken, the start fails: nobody publishes the next free port.
c.ServerApp.port_retries = 0
# False makes Jupyter check the Host header, against DNS rebinding: a page that points its own name here to read through the tunnel. Behind
# a load balancer requests carry any name, and Kubernetes' requests carry the pod's address.
c.ServerApp.allow_remote_access = os.environ.get("BEHIND_LOAD_BALANCER") == "1"
c.ServerApp.open_browser = False
c.ServerApp.quit_button = False
# A login shell reads /etc/profile, which removes the app's folder from PATH.
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
# Encrypt if the kernel can; ipykernel warns otherwise. No sockets of the file system: some kernels cannot use them.
c.KernelManager.transport_encryption = "auto"
# The trash is a hidden folder that a browser cannot empty.
c.FileContentsManager.delete_to_trash = False

# By default idle kernels keep their memory until someone ends them. A kernel that runs a cell is not idle.
c.MappingKernelManager.cull_idle_timeout = _seconds("CULL_IDLE_SECONDS")
c.MappingKernelManager.cull_interval = 60
# A notebook in a forgotten tab is idle too.
c.MappingKernelManager.cull_connected = True

# No requests to other servers, and no extension manager: the image is read-only.
c.LabApp.news_url = None  # page_config.json turns off the question about news
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
