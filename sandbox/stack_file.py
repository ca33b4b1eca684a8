"""A stack's configuration file in the sandbox: the adapted Pulumi.<stack>.yaml (committed_file) and the account's values.

It is in .sandbox/stacks. Pulumi reads and writes it (`--config-file`); the committed file is never written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from sandbox import account, committed_file, paths
from sandbox.committed_file import ENCRYPTED, Config, is_encrypted, written
from sandbox.environment import environment
from sandbox.process import SandboxError, alone, run, write_if_changed

PULUMI = paths.BIN / "pulumi"
BUILD_KEYS = ("registryHost", "builder", "baseImage")
"""The keys of registry, builder and base image."""


def project() -> str:
    """Return the name of this project, the namespace of its configuration keys."""
    return str(yaml.safe_load((paths.ROOT / "Pulumi.yaml").read_text())["name"])


def path(stack: str) -> Path:
    """Return the stack's file in the sandbox."""
    return paths.STACKS / f"Pulumi.{stack}.yaml"


def committed(stack: str) -> Path:
    """Return the stack's file in the checkout, which may not exist."""
    return paths.ROOT / f"Pulumi.{stack}.yaml"


def committed_config(name: str, file: Path, *, builds: bool = False) -> Config:
    """Return the adapted configuration of a committed file (committed_file.adapted); empty without a file."""
    return committed_file.adapted(_config(file), name, builds=builds)


def differing(stack: str) -> list[str]:
    """Return the committed keys with another value in the sandbox's file."""
    return committed_file.differing(_config(committed(stack)), _config(path(stack)), project())


def account_values(name: str) -> Config:
    """Return the values of the account for project `name`, without secrets."""
    return {
        "oci:region": paths.REGION,
        "oci:tenancyOcid": paths.TENANCY_OCID,
        "oci:userOcid": paths.USER_OCID,
        f"{name}:compartmentId": paths.TENANCY_OCID,
        f"{name}:sshPrivateKeyFile": str(account.SSH_KEY),
        **{f"{name}:{key}": [committed_file.OWN_NETWORK] for key in committed_file.NETWORKS},
    }


def build_values(name: str) -> Config:
    """Return what a stack needs to be built and run here, from the stack local."""
    of_local = committed_config(name, committed("local"))
    return {f"{name}:{key}": of_local[f"{name}:{key}"] for key in BUILD_KEYS}


def target(stack: str) -> str:
    """Return the stack's target, "instance" or "kubernetes". Raises SandboxError if the stack has no file."""
    if not committed(stack).exists() and not path(stack).exists():
        raise SandboxError(
            f"stack {stack} does not exist; create a file Pulumi.{stack}.yaml with at least the line `config: {{}}`"
        )
    name = project()
    default = yaml.safe_load((paths.ROOT / "Pulumi.yaml").read_text())["config"]["target"]["default"]
    return str(_current(name, stack, {}).get(f"{name}:target", default))


def merged(current: Config, before: Config, now: Config, added: Config) -> Config:
    """Return `current` with the changes of the committed file from `before` to `now`, and with `added` for missing keys.

    Values that were set in the sandbox's file stay.
    """
    result = dict(current)
    for key in {**before, **now}:
        if written(current.get(key)) == written(before.get(key)):
            if key in now:
                result[key] = now[key]
            else:
                result.pop(key, None)
    missing = {key: value for key, value in added.items() if key not in result}
    return {**result, **missing}


def ensure(stack: str, *, builds: bool = False) -> Path:
    """Update the stack's file and create the stack in the backend. Needs the Pulumi CLI.

    builds: the stack is built and run here. It gets the sandbox's registry and builder, a base image if it has none, and access for this
    host. It keeps them from then on, because the next `up` has to reach the same machine.
    """
    with alone(paths.STACKS / ".lock"):
        return _ensure(stack, builds=builds)


def _ensure(stack: str, *, builds: bool) -> Path:
    account.ensure()
    name, file, remembered = project(), path(stack), _remembered(stack)
    if not exists(name, stack):
        init(name, stack)
    builds = builds or bool(_read(remembered).get("builds"))
    secrets = {f"{name}:{key}": ENCRYPTED for key in committed_file.ACCOUNT_SECRETS}
    added = {**account_values(name), **secrets, **(build_values(name) if builds else {})}
    write(stack, file, _read(file), _current(name, stack, added, builds=builds))
    now = committed_config(name, committed(stack), builds=builds)
    write_if_changed(remembered, yaml.safe_dump({"config": now, "builds": builds}))
    return file


def write(stack: str, file: Path, document: Config, config: Config) -> None:
    """Write the stack file `document` with the configuration `config`.

    A value ENCRYPTED is copied from `document`, or set as a secret placeholder.
    """
    missing: list[tuple[str, ...]] = []
    filled = _filled(config, document.get("config") or {}, (), missing)
    if filled == _config(file) and not missing:
        return
    name = project()
    # Renamed when complete, because a killed run must not leave half a file.
    new = file.with_name(f".new-{file.name}")
    write_if_changed(new, yaml.safe_dump({**document, "config": filled}, sort_keys=False), 0o600)
    for key, *inner in missing:
        # Names of secret files may contain dots.
        at = "".join('["{}"]'.format(str(part).replace('"', '\\"')) for part in inner)
        command: list[str | Path] = [PULUMI, "config", "set", "--secret", *(["--path"] if inner else []), key + at]
        options: list[str | Path] = ["--stack", stack, "--config-file", new]
        value = committed_file.placeholder((key.removeprefix(f"{name}:"), *inner))
        run([*command, *options], stdin=value, env=environment(os.environ), cwd=_scratch(name))
    new.replace(file)


def _filled(wanted: Config, current: Any, place: tuple[str, ...], missing: list[tuple[str, ...]]) -> Config:
    """Return `wanted` with the encrypted values of `current`; places without one are added to `missing`."""
    result = {}
    for key, value in wanted.items():
        there = current.get(key) if isinstance(current, dict) else None
        if value == ENCRYPTED:
            if is_encrypted(there) and there != ENCRYPTED:
                result[key] = there
            else:
                missing.append((*place, key))
        elif isinstance(value, dict):
            result[key] = _filled(value, there, (*place, key), missing)
        else:
            result[key] = value
    return result


def _current(name: str, stack: str, added: Config, *, builds: bool = False) -> Config:
    now = committed_config(name, committed(stack), builds=builds)
    return merged(_config(path(stack)), _config(_remembered(stack)), now, added)


def _remembered(stack: str) -> Path:
    # The committed file at the last update.
    return paths.STACKS / f".committed-{stack}.yaml"


def init(name: str, stack: str) -> None:
    """Create the stack of project `name` in the backend. Raises CommandError if it exists or the name is invalid.

    It runs in another folder, because the CLI writes the salt of the stack's secrets beside the project.
    """
    paths.BACKEND.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [PULUMI, "stack", "init", stack, "--no-select", "--non-interactive"]
    run(command, env=environment(os.environ), cwd=_scratch(name))


def exists(name: str, stack: str) -> bool:
    """Return whether the backend has the stack of project `name` (source: pulumi pkg/backend/diy, store.go)."""
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
