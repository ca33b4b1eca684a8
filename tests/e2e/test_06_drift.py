"""Manual changes in the cloud: what `make drift` reports and how `up --refresh` reverts them (docs/drift.md)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox import paths
from sandbox.process import wait_for
from tests.support import published
from tests.support.console import Console
from tests.support.documented_drift import rows
from tests.support.jupyter import login
from tests.support.machine import container_id, in_container, on_machine, tunnel
from tests.support.stack import Stack

SSH_FROM_ANYWHERE = {
    "protocol": "6",
    "source": "0.0.0.0/0",
    "tcpOptions": {"min": 22, "max": 22},
}
SSH_RULE = f"jupyterlab-ssh-from-{paths.GATEWAY}-32"
Change = Callable[[Console, Stack], None]

# The change in docs/drift.md: the resource that shows it, what a refresh would do with it, and a function that makes the change.
REPORTED: dict[str, tuple[str, str, Change]] = {
    "a rule added to the VCN's default security list": (
        "jupyterlab-default-security-list",
        "update",
        lambda console, _: console.change("jupyterlab-default-security-list", ingressSecurityRules=[SSH_FROM_ANYWHERE]),
    ),
    "a rule of a security group changed": (
        SSH_RULE,
        "update",
        lambda console, _: console.change(SSH_RULE, source="0.0.0.0/0"),
    ),
    "a rule of a security group deleted": (
        "jupyterlab-egress",
        "delete",
        lambda console, _: console.delete("jupyterlab-egress"),
    ),
    "a route deleted": (
        "jupyterlab-route-table",
        "update",
        lambda console, _: console.change("jupyterlab-route-table", routeRules=[]),
    ),
    "a VCN renamed": (
        "jupyterlab-vcn",
        "update",
        lambda console, _: console.change("jupyterlab-vcn", displayName="somebody's"),
    ),
    "the internet gateway disabled": (
        "jupyterlab-internet-gateway",
        "update",
        lambda console, _: console.change("jupyterlab-internet-gateway", enabled=False),
    ),
    "the subnet's security lists changed": (
        "jupyterlab-subnet",
        "update",
        lambda console, _: console.change("jupyterlab-subnet", securityListIds=[]),
    ),
    "the instance resized": (
        "jupyterlab-instance",
        "update",
        lambda console, _: console.change("jupyterlab-instance", shapeConfig={"ocpus": 4}),
    ),
    "the data volume renamed or grown": (
        "jupyterlab-data",
        "update",
        lambda console, _: console.change("jupyterlab-data", displayName="somebody's", sizeInGbs="60"),
    ),
    "the data volume detached": (
        "jupyterlab-data-attachment",
        "delete",
        lambda console, _: console.delete("jupyterlab-data-attachment"),
    ),
    "the repository made public": (
        "jupyterlab-repository",
        "update",
        lambda console, _: console.change("jupyterlab-repository", isPublic=True),
    ),
    "an image deleted": (
        "jupyterlab-index",
        "delete",
        lambda _, stack: published.delete(*stack.output("image").split("@")),
    ),
}

# Tested in test_09_destroy.py.
REPORTED_ELSEWHERE = {"the instance terminated"}
# Tested in test_23_oke_recovery.py and tests/unit/test_oci_provider_instance.py.
NOT_REPORTED_ELSEWHERE = {"a pod or a node of the cluster deleted", "the instance stopped"}

# A function that makes the change and returns a function that reverts it.
Unseen = Callable[[Console, Stack], Callable[[], object]]


def rule_added(console: Console, _: Stack) -> Callable[[], object]:
    rule = console.add(
        "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule",
        networkSecurityGroupId=console.id("jupyterlab-security-group"),
        direction="INGRESS",
        **SSH_FROM_ANYWHERE | {"tcpOptions": {"destinationPortRange": {"min": 22, "max": 22}}},
    )
    return lambda: console.take_back(rule)


def resource_added(console: Console, _: Stack) -> Callable[[], object]:
    domain = "Sndb:EU-FRANKFURT-1-AD-1"
    volume = console.add(
        "oci:Core/volume:Volume", compartmentId=paths.TENANCY_OCID, availabilityDomain=domain, sizeInGbs="50"
    )
    return lambda: console.take_back(volume)


def container_removed(_: Console, stack: Stack) -> Callable[[], object]:
    removed = container_id(stack)
    on_machine(stack, f"sudo podman rm --force {removed}")
    # Its unit starts another one.
    return lambda: wait_for(lambda: container_id(stack) not in ("", removed), "another container", 90)


def unit_stopped(_: Console, stack: Stack) -> Callable[[], object]:
    on_machine(stack, "sudo systemctl disable --now app-jupyterlab")
    return lambda: on_machine(stack, "sudo systemctl enable --now app-jupyterlab")


NOT_REPORTED: dict[str, Unseen] = {
    "a rule added to a security group": rule_added,
    "another resource made beside the stack": resource_added,
    "the container removed": container_removed,
    "the app's unit stopped or a file on the instance changed": unit_stopped,
}


def test_documentation_lists_every_tested_change() -> None:
    assert rows("Reported") == {*REPORTED, *REPORTED_ELSEWHERE}
    assert rows("Not reported") == {*NOT_REPORTED, *NOT_REPORTED_ELSEWHERE}


def test_drift_is_empty_without_changes(stack: Stack) -> None:
    assert stack.drift() == {}


def test_documented_blind_spots_are_not_reported(stack: Stack) -> None:
    console = Console(stack)
    take_back = [change(console, stack) for change in NOT_REPORTED.values()]
    try:
        assert stack.drift() == {}
    finally:
        for back in reversed(take_back):
            back()
    with tunnel(stack, seconds=90) as url:
        assert login(url, stack.password)


def test_drift_reports_manual_changes_and_up_refresh_reverts_them(stack: Stack) -> None:
    in_container(stack, "open('kept.txt', 'w').write('from before the drift')")
    console = Console(stack)
    for _, _, change in REPORTED.values():
        change(console, stack)
    expected = {name: step for name, step, _ in REPORTED.values()}
    assert stack.drift() == expected
    # Drift only reports, it does not change anything.
    assert stack.drift() == expected
    # Volumes do not shrink, so the configuration gets the new size.
    stack.configure(dataVolumeSizeInGbs=60)
    stack.up("--refresh")
    assert stack.drift() == {}
    with tunnel(stack, seconds=180) as url:
        assert login(url, stack.password)
    assert in_container(stack, "print(open('kept.txt').read())") == "from before the drift\n"
    assert stack.up() == {}
