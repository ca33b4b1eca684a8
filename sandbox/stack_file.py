"""A stack's configuration file in the sandbox: the committed Pulumi.<stack>.yaml, as far as it holds here (committed_file), and what the
account adds to it.

It lies in .sandbox/stacks and is what `pulumi --config-file` reads and `pulumi config set` writes; the committed file is never written.
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


def committed_config(name: str, file: Path, *, builds: bool = False) -> Config:
    """The configuration of project `name` in a committed file as far as it holds here (committed_file.adapted); empty without a file."""
    return committed_file.adapted(_config(file), name, builds=builds)


def differing(stack: str) -> list[str]:
    """The keys of the committed file that the sandbox's file, which is up to date, does not have as committed."""
    return committed_file.differing(_config(committed(stack)), _config(path(stack)), project())


def account_values(name: str) -> Config:
    """What someone with an account sets for project `name`, beside the secrets."""
    return {
        "oci:region": paths.REGION,
        "oci:tenancyOcid": paths.TENANCY_OCID,
        "oci:userOcid": paths.USER_OCID,
        f"{name}:compartmentId": paths.TENANCY_OCID,
        f"{name}:sshPrivateKeyFile": str(account.SSH_KEY),
        **{f"{name}:{key}": [committed_file.OWN_NETWORK] for key in committed_file.NETWORKS},
    }


def build_values(name: str) -> Config:
    """What a stack of project `name` needs to be built and run here, as the stack local has it."""
    of_local = committed_config(name, committed("local"))
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

    What was set in the sandbox's file itself stays.
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
    """Bring the stack's file up to date, and make the stack in the backend; an unchanged file is not written. Needs the Pulumi CLI.

    builds: it is going to be built and run here, so registry and builder are the sandbox's, base image where the committed file has none,
    and this machine may connect. From then on that stays so, since the next `up` has to reach the same machine.
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
    """Write the stack file `document` with another configuration; what is only marked as encrypted in that is taken from `document`, else
    set as a secret that stands in for it.
    """
    missing: list[tuple[str, ...]] = []
    filled = _filled(config, document.get("config") or {}, (), missing)
    if filled == _config(file) and not missing:
        return
    name = project()
    # Renamed when it is whole: a half of it, left by a killed run, would be taken for what a person has set.
    new = file.with_name(f".new-{file.name}")
    write_if_changed(new, yaml.safe_dump({**document, "config": filled}, sort_keys=False), 0o600)
    for key, *inner in missing:
        # Names of secret files may have dots.
        at = "".join('["{}"]'.format(str(part).replace('"', '\\"')) for part in inner)
        command: list[str | Path] = [PULUMI, "config", "set", "--secret", *(["--path"] if inner else []), key + at]
        options: list[str | Path] = ["--stack", stack, "--config-file", new]
        value = committed_file.placeholder((key.removeprefix(f"{name}:"), *inner))
        run([*command, *options], stdin=value, env=environment(os.environ), cwd=_scratch(name))
    new.replace(file)


def _filled(wanted: Config, current: Any, place: tuple[str, ...], missing: list[tuple[str, ...]]) -> Config:
    """`wanted` with the encrypted values of `current` at the same places; where it has none the place goes to `missing`."""
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
