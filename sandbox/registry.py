"""The sandbox's registry: docker-registry in a container, with TLS and login, reachable by machines and builds.

The account's token (account.registry_token) may read and write every repository, including the base images.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import bcrypt
import yaml

from sandbox import account, engine, oci_layout, paths, tls
from sandbox.distribution import CA_BUNDLE as SYSTEM_BUNDLE
from sandbox.process import run, wait_for, write_if_changed

_TLS = paths.REGISTRY / "tls"
_DATA = paths.REGISTRY / "data"
_REPOSITORIES = _DATA / "docker/registry/v2/repositories"
# Exists if repositories were deleted. The next start then removes their blobs, which needs a stopped registry.
_GARBAGE = paths.REGISTRY / "garbage"


def configuration() -> str:
    """Return config.yml of docker-registry, with paths in the container. No blob cache: delete_repository removes files."""
    return yaml.safe_dump(
        {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": "/registry/data"},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": {
                "addr": ":443",
                "tls": {"certificate": "/registry/tls/server.pem", "key": "/registry/tls/server-key.pem"},
            },
            "auth": {"htpasswd": {"realm": "sandbox", "path": "/registry/htpasswd"}},
        }
    )


def prepare() -> None:
    """Create certificates, CA bundle and login. Starts no container."""
    tls.ensure(_TLS, paths.REGISTRY_ADDRESS, paths.SUBNET)
    write_if_changed(paths.CA_BUNDLE, SYSTEM_BUNDLE.read_bytes() + (_TLS / "ca.pem").read_bytes())
    _DATA.mkdir(parents=True, exist_ok=True)
    write_if_changed(paths.REGISTRY / "config.yml", configuration())
    token, file = account.registry_token().encode(), paths.REGISTRY / "htpasswd"
    if not file.exists() or not bcrypt.checkpw(token, file.read_bytes().strip().partition(b":")[2]):
        # Cost 5, the default of htpasswd(1): the token is random, and every request of a build checks it.
        hashed = bcrypt.hashpw(token, bcrypt.gensalt(rounds=5))
        write_if_changed(file, paths.REGISTRY_USER.encode() + b":" + hashed + b"\n", 0o600)


def start() -> None:
    """Start the registry unless it runs, and wait until it answers. Needs the machine image and `prepare`."""
    # The registry reads these at its start; it reads the login at every request.
    parts = configuration().encode(), (_TLS / "server.pem").read_bytes()
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    if not engine.runs_as(paths.REGISTRY_CONTAINER, key):
        engine.podman("rm", "--force", "--ignore", paths.REGISTRY_CONTAINER)
        if _GARBAGE.exists():
            engine.podman("run", "--rm", *_command("garbage-collect"))
            _GARBAGE.unlink()
        service = ["--detach", "--restart", "always", "--name", paths.REGISTRY_CONTAINER, "--label", f"key={key}"]
        network = ["--network", paths.NETWORK, "--ip", paths.REGISTRY_ADDRESS]
        port = ["--sysctl", "net.ipv4.ip_unprivileged_port_start=443"]
        engine.podman("run", *service, *network, *port, *_command("serve"))
    wait_for(answers, f"an answer of the registry at {paths.REGISTRY_ADDRESS}", 30)


def _command(verb: str) -> list[str]:
    # It runs as the owner of the folder, so the user can delete the data.
    owner = paths.REGISTRY.stat()
    who = ["--user", f"{owner.st_uid}:{owner.st_gid}", "--cap-drop", "all"]
    mount = ["--volume", f"{paths.REGISTRY}:/registry"]
    return [*who, *mount, paths.MACHINE_IMAGE, "docker-registry", verb, "/registry/config.yml"]


def answers() -> bool:
    """Return whether the registry answers over TLS and requires a login."""
    context = ssl.create_default_context(cafile=str(_TLS / "ca.pem"))
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        direct.open(f"https://{paths.REGISTRY_ADDRESS}/v2/", timeout=2)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return False


def delete_repository(namespace: str, name: str) -> None:
    """Delete all manifests and tags of the repository, if it has any. The next start of the registry deletes the layers."""
    folder = _repository(namespace, name)
    if folder.exists():
        shutil.rmtree(folder)
        _GARBAGE.touch()


def images(namespace: str, name: str) -> list[str]:
    """Return the tags and then the digests in the repository."""
    manifests = _repository(namespace, name) / "_manifests"
    tags = sorted(path.name for path in manifests.glob("tags/*") if (path / "current/link").exists())
    digests = sorted(f"sha256:{path.name}" for path in manifests.glob("revisions/sha256/*") if (path / "link").exists())
    return tags + digests


def digest(namespace: str, name: str, tag: str) -> str | None:
    """Return the digest of a tag, or None if the tag does not exist."""
    link = _repository(namespace, name) / "_manifests/tags" / tag / "current/link"
    return link.read_text().strip() if link.exists() else None


def push(layout: Path, reference: str, repository: str, tags: Sequence[str]) -> bool:
    """Push the image `reference` of an OCI layout to the account's repository under all `tags`; return True if one was missing."""
    wanted = oci_layout.index_digest(layout)
    missing = [tag for tag in tags if digest(paths.NAMESPACE, repository, tag) != wanted]
    for tag in missing:
        target = f"docker://{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/{repository}:{tag}"
        command: list[str | Path] = ["skopeo", "--insecure-policy", "copy", "--all", "--quiet"]
        command += [f"--dest-authfile={login_file()}", f"--dest-cert-dir={certificates()}"]
        run([*command, f"oci:{layout}:{reference}", target], env={"no_proxy": paths.REGISTRY_ADDRESS})
    return bool(missing)


def login_file() -> Path:
    """Write and return the account's login for container tools (containers-auth.json(5))."""
    file = paths.ACCOUNT / "registry-auth.json"
    login = base64.b64encode(f"{paths.REGISTRY_USER}:{account.registry_token()}".encode()).decode()
    write_if_changed(file, json.dumps({"auths": {paths.REGISTRY_ADDRESS: {"auth": login}}}), 0o600)
    return file


def certificates() -> Path:
    """Write and return a folder with the registry's CA for container tools (containers-certs.d(5))."""
    folder = paths.REGISTRY / "certs.d"
    write_if_changed(folder / "ca.crt", (_TLS / "ca.pem").read_bytes())
    return folder


def _repository(namespace: str, name: str) -> Path:
    folder = (_REPOSITORIES / namespace / name).resolve()
    if not name or not namespace or not folder.is_relative_to(_REPOSITORIES.resolve() / namespace):
        raise ValueError(f"not the name of a repository: {namespace}/{name}")
    return folder
