"""JupyterLab in a pod of the stack's cluster: access through tunnel and load balancer, and its objects."""

from __future__ import annotations

import json

from sandbox import paths
from sandbox.oci.catalogue import cloud
from tests.e2e.conftest import AS_WRITTEN
from tests.support.browser import chromium, lab, log_in, plot
from tests.support.jupyter import PLOT, kernel, login, pictures
from tests.support.machine import tunnel
from tests.support.pod import get, in_pod, kubectl, pod
from tests.support.stack import Stack

BALANCER = "service.beta.kubernetes.io/oci-load-balancer-"
CONNECT = "import socket; socket.create_connection(({host!r}, {port}), timeout=4); print('connected')"


def test_browser_runs_a_cell_in_the_pod_through_the_tunnel(oke: Stack) -> None:
    with tunnel(oke) as url, chromium() as browser, lab(browser, url) as page:
        assert "/login" in page.url
        log_in(page, oke.password)
        plot(page, oke.folder / "plot.png")
    notebook = json.loads(in_pod(oke, "print(open('/jupyter/plot.ipynb').read())"))
    assert pictures(notebook["cells"][0]["outputs"]) != []
    mounts = in_pod(oke, "print(open('/proc/mounts').read())").splitlines()
    [device] = [line.split()[0] for line in mounts if " /jupyter " in line]
    assert device.startswith("/dev/loop")


def test_app_owns_its_data_folder_and_has_shared_memory(oke: Stack) -> None:
    assert "lost+found" not in in_pod(oke, "import os; print(os.listdir('/jupyter'))")
    size = in_pod(oke, "import os; found = os.statvfs('/dev/shm'); print(found.f_blocks * found.f_frsize)")
    assert int(size) == 9 * 2**30 // 2


def test_environment_variable_reaches_the_app_unchanged(oke: Stack) -> None:
    assert in_pod(oke, "import os; print(os.environ['AS_WRITTEN'])") == f"{AS_WRITTEN}\n"


def test_app_answers_at_the_service_address_with_its_password(oke: Stack) -> None:
    url = oke.output("loadBalancerUrl")
    assert url == f"http://{oke.output('loadBalancerAddress')}:{oke.output('url').rpartition(':')[2]}"
    assert login(url, f"{oke.password}x") is None
    http = login(url, oke.password)
    assert http is not None
    with kernel(url, http) as client:
        assert pictures(client.execute(PLOT, timeout=60)["outputs"])


def test_service_has_exactly_the_annotations_of_the_article(oke: Stack) -> None:
    service = get(oke, "service", "jupyterlab")
    annotations = service["metadata"]["annotations"]
    subnet, group = (
        annotations.pop(f"{BALANCER}subnet1"),
        annotations.pop("oci.oraclecloud.com/oci-network-security-groups"),
    )
    assert annotations == {
        "pulumi.com/patchForce": "true",
        "oci.oraclecloud.com/load-balancer-type": "lb",
        f"{BALANCER}internal": "true",
        f"{BALANCER}shape": "flexible",
        f"{BALANCER}shape-flex-min": "10",
        f"{BALANCER}shape-flex-max": "10",
        f"{BALANCER}security-list-management-mode": "None",
    }
    names = {
        id: cloud().require(id, kind).properties["displayName"]
        for id, kind in ((subnet, "subnet"), (group, "networksecuritygroup"))
    }
    assert names == {
        subnet: "jupyterlab-e2e-oke-load-balancer",
        group: "jupyterlab-e2e-oke-load-balancer-security-group",
    }
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == oke.output("loadBalancerAddress")


def test_namespace_enforces_the_restricted_profile(oke: Stack) -> None:
    labels = get(oke, "namespace", oke.output("namespace"))["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    running = pod(oke)["spec"]
    assert running["automountServiceAccountToken"] is False
    assert running["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert running["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    # The namespace refuses a pod without these settings.
    words = ("run", "root", "--image", oke.output("image"), "--restart", "Never")
    assert kubectl(oke, *words, check=False) == ""
    assert "root" not in {one["metadata"]["name"] for one in get(oke, "pods")["items"]}


def test_app_runs_without_privileges(oke: Stack) -> None:
    status = in_pod(oke, "print(open('/proc/1/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == set(fields["Gid"].split()) == {"10001"}
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    assert in_pod(oke, "import os; print(os.path.exists('/var/run/secrets/kubernetes.io'))") == "False\n"
    assert "Read-only file system" in in_pod(oke, "try: open('/usr/x', 'w')\nexcept OSError as error: print(error)")


def test_pod_reaches_other_hosts_but_not_the_metadata_service(oke: Stack) -> None:
    assert "connected" not in in_pod(oke, CONNECT.format(host="169.254.169.254", port=80), check=False)
    assert "connected" in in_pod(oke, CONNECT.format(host=paths.REGISTRY_ADDRESS, port=443))


def test_network_policy_allows_only_the_port_of_the_app(oke: Stack) -> None:
    running = pod(oke)
    app_port = int(oke.output("url").rpartition(":")[2])
    try_both = f"""\
import socket
for port in ({app_port}, 9999):
    try:
        socket.create_connection(({running["status"]["podIP"]!r}, port), timeout=4)
        print("connected")
    except OSError as error:
        print(type(error).__name__)
"""
    own = running["spec"]["containers"][0]
    container = {"name": "beside", "image": own["image"], "command": ["python", "-c", try_both]}
    container["securityContext"] = own["securityContext"]
    shared = {name: running["spec"][name] for name in ("securityContext", "imagePullSecrets")}
    overrides = json.dumps({"spec": {**shared, "containers": [container]}})
    kubectl(oke, "run", "beside", "--image", own["image"], "--restart", "Never", "--overrides", overrides)
    try:
        kubectl(oke, "wait", "pod/beside", "--for", "jsonpath={.status.phase}=Succeeded", "--timeout", "60s")
        # Nothing listens at the second port: without the policy, it would refuse the connection.
        assert kubectl(oke, "logs", "beside").split() == ["connected", "TimeoutError"]
    finally:
        kubectl(oke, "delete", "pod", "beside", "--now")


def test_second_up_of_the_cluster_stack_changes_nothing(oke: Stack) -> None:
    running = pod(oke)["metadata"]["uid"]
    assert oke.preview("--expect-no-changes") == {}
    assert oke.up() == {}
    assert oke.refresh("--expect-no-changes") == {}
    assert pod(oke)["metadata"]["uid"] == running
