"""Kills the engine of a stack in the middle of a step, and repairs the stack as the documentation says."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from sandbox import paths
from sandbox.oci.catalogue import KINDS, RESOURCES, cloud
from tests.support.killing import at_each_write, descendants, kill, kill_alone, kill_when
from tests.support.stack import PROJECT, PULUMI, ROOT, Stack

SECONDS_UNTIL_BEGUN = 600
SECONDS_UNTIL_ASKED = 60
SECONDS_UNTIL_THE_PLUGINS_END = 120
# Inputs that distinguish resources of one type.
DISTINGUISHING = (
    "displayName",
    "name",
    "description",
    "vcnId",
    "instanceId",
    "volumeId",
    "networkSecurityGroupId",
    "clusterId",
)


def killed(stack: Stack, command: str, name: str, operation: str, plugins: bool = True) -> None:
    """Run `pulumi command`, and SIGKILL it while the resource `name` is being created, updated or deleted.

    plugins: kill them at the same moment, which leaves a resource half created. Otherwise they finish their work, which the state does
    not record. A step of a few milliseconds may be just over.
    """
    log = stack.folder / "killed.log"
    before, had = _in_cloud(), made(stack)

    def begun() -> bool:
        just_over = operation == "create" and name in made(stack) - had
        return (name, operation) in under_way(stack) or just_over

    def kill_in_its_middle(pid: int) -> None:
        resource = RESOURCES.get(under_way(stack).get((name, operation), ""))
        # The engine is stopped, perhaps before its request to the plugin.
        os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + SECONDS_UNTIL_ASKED
        while resource and operation == "create" and not _in_cloud(resource.kind) - before:
            assert time.monotonic() < deadline, f"{name}: the plugin did not ask the cloud for it"
            time.sleep(0.001)
        time.sleep(0.005)
        (kill if plugins else _kill_the_engine)(pid)

    with log.open("w") as output:
        arguments = ["--yes", "--skip-preview", "--stack", stack.name, "--config-file", str(stack.config_file)]
        process = subprocess.Popen(
            [str(PULUMI), command, *arguments, "--non-interactive", "--color", "never"],
            cwd=stack.program,
            env={**os.environ, "TMPDIR": str(stack.temporary)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            due = at_each_write(process, state_of(stack), begun)
            kill_when(process, due, SECONDS_UNTIL_BEGUN, kill_in_its_middle)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}:\n{log.read_text()[-5000:]}") from None
        finally:
            stack.log += log.read_text()


def _in_cloud(*kinds: str) -> set[str]:
    """The ids of all records in the cloud, including half created and deleted resources."""
    return {record.id for kind in kinds or KINDS for record in cloud().all(kind)}


def _kill_the_engine(pid: int) -> None:
    family = {child: _command_line(child) for child in descendants(pid)}
    kill_alone(pid)
    deadline = time.monotonic() + SECONDS_UNTIL_THE_PLUGINS_END
    emulators = {child for child, line in family.items() if "-m sandbox." in line}
    while any(_command_line(child) == family[child] for child in emulators):
        assert time.monotonic() < deadline, "a plugin outlived its engine"
        time.sleep(0.1)
    for child in family.keys() - emulators:
        if _command_line(child) == family[child]:
            kill_alone(child)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state_of(stack: Stack) -> Path:
    """The file that the engine replaces when a step begins or ends."""
    return paths.BACKEND / ".pulumi" / "stacks" / PROJECT / f"{stack.name}.json"


def under_way(stack: Stack) -> dict[tuple[str, str], str]:
    """The steps that have begun and not ended: name and operation to type. Read from the state file."""
    found = {"creating": "create", "updating": "update", "deleting": "delete"}
    return {
        (_name(operation["resource"]), found.get(operation["type"], operation["type"])): operation["resource"]["type"]
        for operation in _state(stack).get("pending_operations") or []
    }


def made(stack: Stack) -> set[str]:
    """The names of the resources in the state file."""
    return {_name(one) for one in _state(stack).get("resources") or []}


def _state(stack: Stack) -> dict[str, Any]:
    return json.loads(state_of(stack).read_text())["checkpoint"]["latest"] or {}


def _name(resource: dict[str, Any]) -> str:
    return str(resource["urn"].rsplit("::", 1)[1])


def repair(stack: Stack) -> dict[str, str]:
    """Run `pulumi cancel`, `make interrupted`, and the command it prints with the answers. Returns the answers by resource name."""
    stack.pulumi("cancel", "--yes")
    said = _make(["make", "interrupted", f"STACK={stack.name}"])
    stack.log += said.stdout
    if not said.returncode:
        return {}
    [command] = [line.strip() for line in said.stdout.splitlines() if line.strip().startswith("make interrupted ")]
    deployment = stack.export()["deployment"]
    known = {one.get("id") for one in deployment.get("resources", [])}
    found = {}
    for operation in deployment["pending_operations"]:
        made, name = operation["resource"], _name(operation["resource"])
        if f"{name}=?" in command:
            found[name] = _look_up(made, known)
            command = command.replace(f"{name}=?", f"{name}={found[name]}")
    done = _make(shlex.split(command))
    assert done.returncode == 0, done.stdout
    return found


def _look_up(made: dict[str, Any], known: set[str]) -> str:
    resource = RESOURCES[made["type"]]
    wanted = {key: value for key, value in made["inputs"].items() if key in DISTINGUISHING}
    ids = [
        record.id
        for record in cloud().all(resource.kind)
        if resource.alive(cloud(), record)
        and record.id not in known
        and all(record.properties.get(key) == value for key, value in wanted.items())
    ]
    assert len(ids) <= 1, ids
    return ids[0] if ids else "none"


def _make(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600
    )


def living() -> set[str]:
    """The ids of all resources in the cloud, except the defaults of VCNs, and load balancers, which no program creates."""
    return {
        record.id
        for record in cloud().everything()
        if record.kind != "loadbalancer"
        and not str(record.properties.get("displayName", "")).startswith("Default ")
        and KINDS[record.kind].alive(cloud(), record)
    }


def in_state(stack: Stack) -> set[str]:
    """The ids of the cloud's resources in the state."""
    return {one["id"] for one in stack.export()["deployment"].get("resources", []) if one["type"].startswith("oci:")}


def is_whole(stack: Stack, others: set[str]) -> None:
    """Check that the cloud contains exactly the resources of the state and `others`, and that `up` has nothing to do."""
    assert stack.up() == {}
    state = in_state(stack)
    assert living() - others - state == set()
    assert {id for id in state if not id.startswith("ocid1.securitylist.")} <= living()
    assert not stack.export()["deployment"].get("pending_operations")
