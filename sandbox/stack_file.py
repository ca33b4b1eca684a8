"""A stack's configuration file in the sandbox: the committed Pulumi.<stack>.yaml and what the account adds to it.

It lies in .sandbox/stacks and is what `pulumi --config-file` reads and `pulumi config set` writes; the committed file is never written.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import yaml

from sandbox import account, paths
from sandbox.environment import environment
from sandbox.process import SandboxError, run, write_if_changed

Config = dict[str, Any]
PULUMI = paths.BIN / "pulumi"
BUILD_KEYS = ("registryHost", "builder", "baseImage", "sbomScanner")
"""Where the sandbox's own registry, builder and images are."""


def project() -> str:
    """The name of this project, which is also the namespace of its configuration keys."""
    return str(yaml.safe_load((paths.ROOT / "Pulumi.yaml").read_text())["name"])


def path(stack: str) -> Path:
    """Where the file of this stack is."""
    return paths.STACKS / f"Pulumi.{stack}.yaml"


def committed(stack: str) -> Path:
    """The file of this stack in the checkout; it need not be there."""
    return paths.ROOT / f"Pulumi.{stack}.yaml"


def committed_config(file: Path) -> Config:
    """The configuration in a committed file, without what another key encrypted; empty when there is none."""
    return _readable(_config(file))


def account_values(name: str) -> Config:
    """What someone with an account sets for project `name`, beside the secrets."""
    return {
        "oci:region": paths.REGION,
        "oci:tenancyOcid": paths.TENANCY_OCID,
        "oci:userOcid": paths.USER_OCID,
        f"{name}:compartmentId": paths.TENANCY_OCID,
        f"{name}:sshPrivateKeyFile": str(account.SSH_KEY),
        f"{name}:sshNetworks": [f"{paths.GATEWAY}/32"],
        f"{name}:apiNetworks": [f"{paths.GATEWAY}/32"],
    }


def build_values(name: str) -> Config:
    """What a stack of project `name` needs to be built and run here, as the stack local has it."""
    of_local = committed_config(committed("local"))
    return {f"{name}:{key}": of_local[f"{name}:{key}"] for key in BUILD_KEYS}


def target(stack: str) -> str:
    """Where the app of this stack runs, "instance" or "kubernetes", as its file says. Raises SandboxError when there is no file."""
    if not committed(stack).exists() and not path(stack).exists():
        raise SandboxError(
            f"there is no stack {stack}: a file Pulumi.{stack}.yaml makes one, of a line `config: {{}}` or more "
            '(README, "Another stack, another target")'
        )
    name = project()
    default = yaml.safe_load((paths.ROOT / "Pulumi.yaml").read_text())["config"]["target"]["default"]
    return str(_current(name, stack, {}).get(f"{name}:target", default))


def merged(current: Config, before: Config, now: Config, added: Config) -> Config:
    """The new configuration: `current`, with what changed from `before` to `now` in the committed file, and `added` where it is missing.

    What was set in the sandbox's file itself stays. Encrypted values of the committed file are left out: their key is not the sandbox's.
    """
    result = dict(current)
    for key in {**before, **now}:
        if _written(current.get(key)) == _written(before.get(key)):
            if key in now:
                result[key] = now[key]
            else:
                result.pop(key, None)
    missing = {key: value for key, value in added.items() if key not in result}
    return {**result, **missing}


def ensure(stack: str, *, builds: bool = False) -> Path:
    """Bring the stack's file up to date, and make the stack in the backend; an unchanged file is not written. Needs the Pulumi CLI.

    builds: it is going to be built and run here, so what the file does not say about registry, builder and base image is the sandbox's.
    """
    paths.STACKS.mkdir(parents=True, exist_ok=True)
    with (paths.STACKS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _ensure(stack, builds=builds)


def _ensure(stack: str, *, builds: bool) -> Path:
    account.ensure()
    name, file = project(), path(stack)
    if not exists(name, stack):
        init(name, stack)
    document = _read(file)
    config = _current(name, stack, {**account_values(name), **(build_values(name) if builds else {})})
    if config != document.get("config"):
        write_if_changed(file, yaml.safe_dump({**document, "config": config}, sort_keys=False), 0o600)
    secrets = {f"{name}:registryToken": account.registry_token, f"{name}:password": account.app_password}
    for key, value in secrets.items():
        if key not in config:
            command: list[str | Path] = [
                PULUMI,
                "config",
                "set",
                "--secret",
                "--stack",
                stack,
                "--config-file",
                file,
                key,
            ]
            run(command, stdin=value(), env=environment(os.environ), cwd=_scratch(name))
    write_if_changed(_remembered(stack), yaml.safe_dump({"config": committed_config(committed(stack))}))
    return file


def _current(name: str, stack: str, added: Config) -> Config:
    return merged(_config(path(stack)), _config(_remembered(stack)), committed_config(committed(stack)), added)


def _remembered(stack: str) -> Path:
    # The committed file as it was when it was last joined.
    return paths.STACKS / f".committed-{stack}.yaml"


def init(name: str, stack: str) -> None:
    """Make the stack of project `name` in the backend. Raises CommandError when it is there or the name will not do.

    In a folder of its own, since the CLI writes the salt of the stack's secrets beside the project it finds.
    """
    paths.BACKEND.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [PULUMI, "stack", "init", stack, "--no-select", "--non-interactive"]
    run(command, env=environment(os.environ), cwd=_scratch(name))


def exists(name: str, stack: str) -> bool:
    """Is the stack of project `name` in the backend (source: pulumi pkg/backend/diy, store.go)?"""
    folder = paths.BACKEND / ".pulumi" / "stacks" / name
    return any((folder / f"{stack}{suffix}").exists() for suffix in (".json", ".json.gz"))


def _scratch(name: str) -> Path:
    folder = paths.STACKS / "project"
    write_if_changed(folder / "Pulumi.yaml", yaml.safe_dump({"name": name, "runtime": "python"}))
    return folder


def _read(file: Path) -> Config:
    return (yaml.safe_load(file.read_text()) or {}) if file.exists() else {}


def _config(file: Path) -> Config:
    return _read(file).get("config") or {}


def _readable(config: Config) -> Config:
    return {
        key: _relocated(value) for key, value in config.items() if not (isinstance(value, dict) and "secure" in value)
    }


def _written(value: Any) -> Any:
    # `pulumi config set` writes the other values of the file anew, numbers and truth values as text.
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _relocated(value: Any) -> Any:
    # Committed files name the sandbox's usual address.
    if isinstance(value, str) and f"{value}/".startswith(f"{paths.USUAL_REGISTRY_ADDRESS}/"):
        return paths.REGISTRY_ADDRESS + value.removeprefix(paths.USUAL_REGISTRY_ADDRESS)
    return value
