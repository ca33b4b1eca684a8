"""Previews of the stack oke before it is deployed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from sandbox import paths
from tests.engine.test_preview import cloud_files
from tests.support.stack import PULUMI, ROOT, Stack
from tests.unit.kubernetes_values import certificate

NETWORK = {
    "vcn",
    "default-security-list",
    "internet-gateway",
    "nat-gateway",
    "service-gateway",
    "route-table",
    "private-route-table",
    *(f"{name}-{kind}" for name in ("api", "nodes", "load-balancer") for kind in ("subnet", "security-group")),
}
RULES = {
    f"api-from-{paths.GATEWAY}-32",
    "api-from-nodes",
    "control-plane-from-nodes",
    "api-path-discovery-in",
    "api-to-services",
    "api-to-kubelet",
    "api-path-discovery-out",
    "nodes-from-nodes",
    "kubelet-from-api",
    "node-ports-from-load-balancer",
    "node-health-from-load-balancer",
    "nodes-path-discovery-in",
    "nodes-egress",
    "load-balancer-from-10.0.0.0-16",
    "load-balancer-to-node-ports",
    "load-balancer-to-node-health",
}
IMAGE = {"repository", "arm64", "amd64", "index"}
CLUSTER = {"cluster", "nodes"}
APP = {"namespace", "pull-secret", "files", "network-policy", "claim", "deployment", "service"}


def named(*parts: set[str]) -> set[str]:
    return {f"jupyterlab-{name}" for part in parts for name in part}


@pytest.fixture(scope="module")
def oke(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the committed configuration of oke and the values of an account. It is not deployed."""
    subprocess.run([str(PULUMI), "config", "--stack", "oke"], cwd=ROOT, check=False, capture_output=True)
    stack = Stack("engine-oke", tmp_path_factory.mktemp("engine-oke"), like=paths.STACKS / "Pulumi.oke.yaml")
    stack.init()
    yield stack
    stack.remove()


def test_preview_of_oke_shows_every_resource_and_writes_nothing(oke: Stack) -> None:
    before = cloud_files()
    assert oke.preview() == dict.fromkeys(named(NETWORK, RULES, IMAGE, CLUSTER, APP), "create")
    assert cloud_files() <= before


def test_plan_of_oke_shows_neither_password_nor_token(oke: Stack) -> None:
    oke.preview("--diff")
    for secret in ("app-password", "registry-token"):
        assert (paths.ACCOUNT / secret).read_text().strip() not in oke.log


def test_public_load_balancer_gets_its_own_subnet(oke: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    changed = Stack(oke.name, tmp_path_factory.mktemp("public"), like=oke.config_file)
    pem, key = certificate()
    changed.configure(loadBalancerInternal=False, tlsCertificate=pem)
    changed.pulumi("config", "set", "--secret", "tlsPrivateKey", "--config-file", str(changed.config_file), stdin=key)
    planned = changed.preview()
    assert "jupyterlab-public-load-balancer-subnet" in planned
    assert "jupyterlab-load-balancer-subnet" not in planned
    assert "jupyterlab-tls" in planned
    assert key.splitlines()[1] not in changed.log
