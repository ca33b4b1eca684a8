"""The password, its hash and the registry's token are nowhere but where they have to be; and whoever looks would find them."""

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

# The account's own files are where the secrets are kept; the rest of these is software, or searched in its own way.
SKIP = r"account/|venv/|bin/|go/|containers/|images/|buildkit/root/|pulumi/plugins/|registry/data/|cloud/volumes/"
# What the podman of the machine keeps: the hash is in its secrets, and there alone.
PODMAN = "/var/lib/containers/storage"


@pytest.fixture(scope="module")
def needles(stack: Stack, command_lines: CommandLines) -> Needles:
    """All that must not be found, after an `up` with a new password whose plan and log were printed in full."""
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
    # Two platforms, each on a base of its own.
    assert len({place.name for place in places if " config " in place.name}) == 2
    assert len({place.name for place in places if " layer " in place.name}) >= 4
    assert find_secret(places, needles) == []


def test_no_secret_was_on_a_command_line_of_any_process(needles: Needles, command_lines: CommandLines) -> None:
    seen = command_lines.all_seen
    # It saw what ran on the machine, within it as root too.
    assert any(b"\0login\0--authfile" in line for line in seen)
    assert any(b"\0secret\0create" in line for line in seen)
    assert find_secret([Place("command lines", lambda: [line + b"\n" for line in seen])], needles) == []


def test_no_secret_is_in_plans_logs_or_the_output_of_the_cli(stack: Stack, needles: Needles) -> None:
    assert "[secret]" in stack.log
    assert any(path.stat().st_size for path in stack.event_logs)
    printed = text("what the CLI printed", stack.log)
    # The stack's folder: the plan, the event logs, temporary files, the configuration with its secrets encrypted.
    places = [printed, *files(stack.folder), *files(paths.LOG), *service_logs()]
    assert find_secret(places, needles) == []


def service_logs() -> Iterator[Place]:
    """What the sandbox's own services logged, and how they were made."""
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
