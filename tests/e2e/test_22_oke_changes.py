"""Changes of the configuration in a cluster: the engine's steps, and the data stay."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import new_password
from tests.support.jupyter import login
from tests.support.machine import answers, answers_soon, tunnel
from tests.support.pod import get, in_pod, load_balancer, pod, pods
from tests.support.program import copy, edit
from tests.support.stack import PulumiError, Stack
from tests.unit.kubernetes_values import certificate

DEPLOYMENT = {"jupyterlab-deployment": "update"}
SERVICE = {"jupyterlab-service": "update"}
LISTENER = {"jupyterlab-load-balancer-from-10.0.0.0-16": "update", **SERVICE}


def change(stack: Stack, expected: dict[str, str], **values: object) -> None:
    """Set keys and check the steps of `up`."""
    stack.configure(**values)
    assert stack.up() == expected


@pytest.fixture(autouse=True)
def data(oke: Stack) -> str:
    """The content of a file that has to survive the change."""
    in_pod(oke, "open('/jupyter/kept.txt', 'w').write('from before')")
    return "from before\n"


def kept(stack: Stack) -> str:
    return in_pod(stack, "print(open('/jupyter/kept.txt').read())")


def test_new_password_restarts_the_pod_and_the_old_one_fails(oke: Stack, data: str) -> None:
    old, image, running = oke.password, oke.output("image"), pod(oke)["metadata"]["uid"]
    expected = {"jupyterlab-files": "replace", **DEPLOYMENT}
    oke.configure(password=new_password())
    assert oke.preview() == expected
    assert oke.up() == expected
    assert oke.output("image") == image
    assert pod(oke)["metadata"]["uid"] != running
    with tunnel(oke) as url:
        assert login(url, old) is None
        assert login(url, oke.password)
    assert kept(oke) == data


def test_dockerfile_change_gives_the_pod_a_new_digest(oke: Stack, data: str) -> None:
    image = oke.output("image")
    with (oke.folder / "jupyterlab" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("ENV ADDED=by-a-test\n")
    change(oke, {f"jupyterlab-{name}": "update" for name in ("arm64", "amd64", "index", "deployment")})
    assert oke.output("image") != image
    assert pod(oke)["spec"]["containers"][0]["image"] == oke.output("image")
    assert in_pod(oke, "import os; print(os.environ['ADDED'])") == "by-a-test\n"
    assert kept(oke) == data


def test_memory_and_ocpus_change_new_nodes_and_pod_limits(oke: Stack, data: str) -> None:
    change(oke, {"jupyterlab-nodes": "update", **DEPLOYMENT}, ocpus=3, memoryInGbs=16)
    assert pod(oke)["spec"]["containers"][0]["resources"]["limits"] == {
        "cpu": "3",
        "memory": "13Gi",
        "ephemeral-storage": "9Gi",
    }
    assert kept(oke) == data


def test_zero_replicas_stop_the_app_and_one_starts_it(oke: Stack, data: str) -> None:
    change(oke, DEPLOYMENT, replicas=0)
    assert pods(oke) == []
    change(oke, DEPLOYMENT, replicas=1)
    assert answers_soon(f"{oke.output('loadBalancerUrl')}/api")
    assert kept(oke) == data


def test_bandwidth_and_idle_timeout_change_in_place(oke: Stack) -> None:
    before, running = load_balancer(oke), pod(oke)["metadata"]["uid"]
    change(oke, SERVICE, loadBalancerMinMbps=20, loadBalancerMaxMbps=100, loadBalancerIdleTimeout=600)
    wait_for_bandwidth(oke, 20, 100)
    assert load_balancer(oke).id == before.id
    assert oke.output("loadBalancerAddress") == before.private["address"]
    assert pod(oke)["metadata"]["uid"] == running
    assert answers(f"{oke.output('loadBalancerUrl')}/api")


def wait_for_bandwidth(stack: Stack, low: int, high: int) -> None:
    """Wait until the cloud controller has changed the bandwidth."""
    wanted = {"minimumBandwidthInMbps": low, "maximumBandwidthInMbps": high}
    deadline = time.monotonic() + 20
    while load_balancer(stack).properties["shapeDetails"] != wanted:
        assert time.monotonic() < deadline, load_balancer(stack).properties["shapeDetails"]
        time.sleep(0.5)


def presented(address: str, expected: str, seconds: float = 20) -> None:
    """Wait until the listener on 443 presents this certificate."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = ssl.get_server_certificate((address, 443), timeout=5)
        except OSError as error:
            found = repr(error)
        if found.strip() == expected.strip():
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def test_certificate_enables_tls_and_changes_in_place(oke: Stack, data: str, tmp_path: Path) -> None:
    address, running = oke.output("loadBalancerAddress"), pod(oke)["metadata"]["uid"]
    for steps in ({"jupyterlab-tls": "create", **LISTENER}, {"jupyterlab-tls": "replace", **SERVICE}):
        pem, key = certificate()
        change(oke, steps, tlsCertificate=pem, tlsPrivateKey=key)
        assert oke.output("loadBalancerUrl") == f"https://{address}:443"
        presented(address, pem)
        assert [one["type"] for one in get(oke, "secrets")["items"]].count("kubernetes.io/tls") == 1
    with pytest.raises(requests.RequestException):
        requests.get(f"http://{address}:{oke.output('url').rpartition(':')[2]}/api", timeout=5)
    with tunnel(oke) as url:
        assert login(url, oke.password)
    change(oke, {"jupyterlab-tls": "delete", **LISTENER}, tlsCertificate=None, tlsPrivateKey=None)
    assert oke.output("loadBalancerAddress") == address
    assert answers_soon(f"{oke.output('loadBalancerUrl')}/api")
    assert pod(oke)["metadata"]["uid"] == running
    assert kept(oke) == data


def test_public_load_balancer_gets_its_own_subnet_and_back(oke: Stack, data: str) -> None:
    pem, key = certificate()
    for changes in (
        {"loadBalancerInternal": False, "tlsCertificate": pem, "tlsPrivateKey": key},
        {"loadBalancerInternal": True, "tlsCertificate": None, "tlsPrivateKey": None},
    ):
        before, private = load_balancer(oke), bool(changes["loadBalancerInternal"])
        oke.configure(**changes)
        planned, done = oke.preview(), oke.up()
        assert planned == done
        assert done["jupyterlab-service"] == "replace"
        assert "jupyterlab-deployment" not in done
        assert done["jupyterlab-load-balancer-subnet"] == ("create" if private else "delete")
        assert done["jupyterlab-public-load-balancer-subnet"] == ("delete" if private else "create")
        after = load_balancer(oke)
        assert after.id != before.id
        assert after.properties["isPrivate"] == private
        assert oke.output("loadBalancerAddress") == after.private["address"]
        if not private:
            presented(oke.output("loadBalancerAddress"), pem)
    assert answers_soon(f"{oke.output('loadBalancerUrl')}/api")
    assert kept(oke) == data


@pytest.fixture
def program(oke: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the program with a shorter timeout for rollouts, which the stack uses during the test."""
    monkeypatch.setattr(oke, "program", copy(tmp_path))
    edit(tmp_path, "specs/kubernetes.py", "ROLLOUT_TIMEOUT_SECONDS = 600", "ROLLOUT_TIMEOUT_SECONDS = 45")
    return tmp_path


def test_missing_image_fails_with_the_pod_error_and_next_up_recovers(
    oke: Stack, data: str, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = "image=image.reference,\n            app="
    wrong = f'image=image.reference.apply(lambda it: it.partition("@")[0] + "@sha256:{"0" * 64}"),\n            app='
    edit(program, "__main__.py", right, wrong)
    began = time.monotonic()
    with pytest.raises(PulumiError) as failed:
        oke.up()
    assert time.monotonic() - began < 120
    assert "ImagePullBackOff" in str(failed.value) or "ErrImagePull" in str(failed.value)
    assert "not found" in str(failed.value)
    assert "ProgressDeadlineExceeded" in str(failed.value)
    assert get(oke, "persistentvolumeclaim", "jupyterlab-data")["status"]["phase"] == "Bound"
    monkeypatch.undo()
    assert oke.up() == DEPLOYMENT
    with tunnel(oke) as url:
        assert login(url, oke.password)
    assert kept(oke) == data
    assert oke.preview("--expect-no-changes") == {}
