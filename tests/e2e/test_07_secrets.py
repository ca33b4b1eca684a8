"""The password, its hash and the registry's token are only where they are needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import requests

from sandbox import account, engine, paths
from tests.e2e.conftest import new_password
from tests.support.command_lines import CommandLines
from tests.support.machine import fetch, on_machine
from tests.support.secret_search import Needles, Place, archive, files, find_secret, image, text
from tests.support.stack import Stack

# The account's files contain the secrets. The other folders contain software, or other tests search them.
SKIP = r"account/|venv/|bin/|go/|containers/|images/|buildkit/root/|pulumi/plugins/|registry/data/|cloud/volumes/"
# The storage of podman on the machine. Its secrets contain the hash.
PODMAN = "/var/lib/containers/storage"


@pytest.fixture(scope="module")
def needles(stack: Stack, command_lines: CommandLines) -> Needles:
    """All secrets, after an `up` with a new password that printed plan and log in full."""
    stack.configure(password=new_password())
    plan = stack.folder / "plan.json"
    stack.preview("--diff", "--save-plan", str(plan))
    stack.preview("--json")
    stack.up("--diff")
    app = stack.output("dataFolder").rpartition("/")[2]
    content = on_machine(stack, f"sudo podman exec {app} cat /etc/app-secrets/password-hash")
    passwords = {f"password {number}": password for number, password in enumerate(stack.secrets)}
    return Needles({**passwords, "hash": content.rpartition("$")[2].strip(), "token": account.registry_token()})


def test_no_secret_is_in_the_image_of_any_platform(
    stack: Stack, needles: Needles, registry: Callable[[str], Callable[[str, str], requests.Response]]
) -> None:
    reference = stack.output("image")
    places = list(image(reference, registry(reference.partition("@")[0])))
    # Two platforms with their own bases.
    assert len({place.name for place in places if " config " in place.name}) == 2
    assert len({place.name for place in places if " layer " in place.name}) >= 4
    assert find_secret(places, needles) == []


def test_no_secret_was_on_a_command_line_of_any_process(needles: Needles, command_lines: CommandLines) -> None:
    seen = command_lines.all_seen
    # The recording includes commands of root on the machine.
    assert any(b"\0login\0--authfile" in line for line in seen)
    assert any(b"\0secret\0create" in line for line in seen)
    assert find_secret([Place("command lines", lambda: [line + b"\n" for line in seen])], needles) == []


def test_no_secret_is_in_plans_logs_or_the_output_of_the_cli(stack: Stack, needles: Needles) -> None:
    assert "[secret]" in stack.log
    assert any(path.stat().st_size for path in stack.event_logs)
    printed = text("what the CLI printed", stack.log)
    # The stack's folder contains plan, event logs, temporary files and the configuration with encrypted secrets.
    places = [printed, *files(stack.folder), *files(paths.LOG), *service_logs()]
    assert find_secret(places, needles) == []


def service_logs() -> Iterator[Place]:
    """Yield logs and container definitions of the sandbox's services."""
    for name in (paths.REGISTRY_CONTAINER, paths.BUILDKIT_CONTAINER):
        done = engine.podman("logs", name, check=False)
        yield text(f"logs of {name}", done.stdout + done.stderr)
        yield text(f"inspection of {name}", engine.podman("inspect", name, check=False).stdout)


def test_no_secret_is_in_the_plain_state(stack: Stack, needles: Needles) -> None:
    exported = json.dumps(stack.export())
    assert "jupyterlab-podman" in exported
    assert "ciphertext" in exported
    assert find_secret([text("stack export", exported), *files(paths.BACKEND)], needles) == []


def test_no_secret_is_in_files_of_the_sandbox(needles: Needles) -> None:
    assert find_secret(files(paths.HOME, skip=SKIP), needles) == []


def test_no_secret_is_in_cloud_init_data_logs_or_files_of_the_machine(stack: Stack, needles: Needles) -> None:
    everything = fetch(
        stack,
        "sudo tar --create --gzip --ignore-failed-read --warning=no-file-changed --exclude=/run/secrets"
        " /etc /home /root /run /srv /tmp /usr/local /var/lib/cloud /var/log 2>/dev/null || test $? = 1",
    )
    data = list(archive("machine", everything))
    assert any("user-data" in place.name for place in data)
    journal = Place("journal", lambda: [fetch(stack, "sudo journalctl --no-pager --output=json")])
    app = stack.output("dataFolder").rpartition("/")[2]
    of_podman = text("podman", on_machine(stack, f"sudo podman logs {app} 2>&1; sudo podman inspect {app}"))
    assert find_secret([*data, journal, of_podman], needles) == []


def test_podman_stores_the_hash_and_neither_password_nor_token(stack: Stack, needles: Needles) -> None:
    kept = fetch(
        stack,
        f"sudo tar --create --gzip --exclude={PODMAN}/overlay --exclude=*.sock {PODMAN} 2>/dev/null || test $? = 1",
    )
    found = find_secret(archive("podman", kept), needles)
    assert found
    assert all(place.endswith(": hash") and "/secrets/" in place for place in found)
