"""Network access of machine and container: only what the app needs."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.machine import answers, in_container, on_machine, tunnel
from tests.support.neighbour import METADATA_ADDRESS, Neighbour, neighbour
from tests.support.stack import Stack

CONNECT = "import socket; socket.create_connection(({host!r}, {port}), timeout=4); print('connected')"


@pytest.fixture(scope="module")
def outsider() -> Iterator[Neighbour]:
    with neighbour() as running:
        yield running


@pytest.fixture
def metadata(stack: Stack, outsider: Neighbour) -> Iterator[str]:
    """A URL of the metadata address that the machine can reach."""
    route = f"{METADATA_ADDRESS}/32 via {outsider.address}"
    on_machine(stack, f"sudo ip route replace {route}")
    yield f"http://{METADATA_ADDRESS}/"
    on_machine(stack, f"sudo ip route delete {route}")


def reached(stack: Stack, host: str, port: int) -> bool:
    """Return whether the app's container can open a TCP connection."""
    return "connected" in in_container(stack, CONNECT.format(host=host, port=port), check=False)


def test_container_cannot_reach_the_metadata_service(stack: Stack, metadata: str) -> None:
    assert (
        on_machine(stack, f"curl --silent --show-error --fail --max-time 5 --output /dev/null {metadata} && echo ok")
        == "ok\n"
    )
    assert not reached(stack, METADATA_ADDRESS, 80)


def addresses(stack: Stack) -> list[str]:
    """Return the machine's IPv4 addresses without loopback, which is separate in the container."""
    return on_machine(stack, 'ip -4 -o address show | awk \'$2 != "lo" { sub("/.*", "", $4); print $4 }\'').split()


def test_container_cannot_reach_ports_of_the_machine(stack: Stack) -> None:
    # The address of the machine and of podman's bridge.
    assert stack.output("address") in addresses(stack)
    assert len(addresses(stack)) >= 2
    assert not any(reached(stack, address, 22) for address in addresses(stack))
    with tunnel(stack):
        assert answers(stack.output("health"))


def test_firewall_rules_survive_a_reload(stack: Stack, metadata: str) -> None:
    before = on_machine(stack, "sudo podman ps --quiet")
    on_machine(stack, "sudo nft delete table inet container_metadata")
    try:
        assert reached(stack, METADATA_ADDRESS, 80)
        assert all(reached(stack, address, 22) for address in addresses(stack))
    finally:
        on_machine(stack, "sudo systemctl reload container-metadata.service")
    assert not reached(stack, METADATA_ADDRESS, 80)
    assert not any(reached(stack, address, 22) for address in addresses(stack))
    assert on_machine(stack, "sudo podman ps --quiet") == before


def test_boot_volume_grew_before_packages_were_installed(stack: Stack) -> None:
    # cloud-init installs packages at its stage modules-final.
    assert set(on_machine(stack, "cat /var/log/oci-growfs").split()) == {"init"}


def test_deploy_restores_a_flushed_rule(stack: Stack) -> None:
    on_machine(stack, "sudo nft delete table inet container_metadata")
    stack.configure(environment={"GREETING": "after a flush"})
    stack.up()
    assert "169.254.0.0/16 drop" in on_machine(stack, "sudo nft list table inet container_metadata")


def test_container_resolves_names_and_reaches_other_hosts(stack: Stack) -> None:
    assert reached(stack, stack.output("image").partition("/")[0], 443)
    # A name that the machine has to resolve too.
    sources = "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null"
    name = (
        on_machine(stack, f"{sources} | grep --only-matching --max-count=1 -E '://[^/ ]+'").strip().removeprefix("://")
    )
    assert on_machine(stack, f"getent ahostsv4 {name}")
    assert in_container(stack, f"import socket; print(socket.gethostbyname({name!r}))")


def test_app_listens_on_the_loopback_interface_only(stack: Stack, outsider: Neighbour) -> None:
    port = int(stack.output("url").rpartition(":")[2])
    address = stack.output("address")
    with tunnel(stack):
        assert answers(stack.output("health"))
    assert not outsider.reaches(address, port)
    with closing(socket.socket()) as client:
        client.settimeout(3)
        assert client.connect_ex((address, port)) != 0
    listening = on_machine(stack, f"ss --no-header --listening --tcp --numeric 'sport = :{port}'").splitlines()
    assert [line.split()[3] for line in listening] == [f"127.0.0.1:{port}"]


def test_ssh_is_refused_from_other_networks(stack: Stack, outsider: Neighbour) -> None:
    assert not outsider.reaches(stack.output("address"), 22)
    assert outsider.reaches(stack.output("image").partition("/")[0], 443)
    assert on_machine(stack, "echo hello") == "hello\n"


def test_ssh_requires_the_pinned_host_key(stack: Stack, tmp_path: Path) -> None:
    key = on_machine(stack, "sudo cut -d ' ' -f 2 /etc/ssh/ssh_host_ecdsa_key.pub").strip()
    assert key in stack.output("ssh")
    assert key in stack.output("tunnel")
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "key"], check=True)
    another = (tmp_path / "key.pub").read_text().split()[1]
    command = f"{stack.output('ssh').replace(key, another)} true"
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_app_runs_without_root_and_capabilities(stack: Stack) -> None:
    status = in_container(stack, "print(open('/proc/1/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {"10001"}
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
