"""The emulated kubernetes provider waits for objects, detects manual changes and unreachable clusters."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

from tests.kubernetes.kubernetes_objects import config_map, deployment, service
from tests.kubernetes.kubernetes_project import ControlPlane, Project, kubeconfig
from tests.support.ports import free_port

SECRET = "pass-phrase-of-the-test"


def new_pod(plane: ControlPlane, namespace: str, image: str) -> str:
    """The path of the pod that runs the image, once there is one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for pod in plane.pods(namespace):
            if pod["spec"]["containers"][0]["image"] == image:
                return f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
        time.sleep(0.1)
    raise AssertionError(f"no pod of {image} appeared")


READY = {
    "phase": "Running",
    "conditions": [{"type": t, "status": "True"} for t in ("PodScheduled", "Initialized", "Ready")],
}
PULLING = {
    "phase": "Pending",
    "conditions": [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Initialized", "status": "True"},
        {"type": "Ready", "status": "False", "reason": "ContainersNotReady"},
    ],
    "containerStatuses": [
        {
            "name": "app",
            "ready": False,
            "restartCount": 0,
            "image": "",
            "imageID": "",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
        }
    ],
}


def test_failed_rollout_shows_the_pod_error_and_next_up_repairs_it(project: Project, namespace: str) -> None:
    # The test has to set the pod's status within this time.
    project.write(app=deployment("app:missing", seconds=15))
    up = project.start_up()
    project.plane.patch_status(new_pod(project.plane, namespace, "app:missing"), PULLING)
    printed = up.communicate(timeout=120)[0]
    assert up.returncode
    assert "'app' timed out waiting to be Ready" in printed
    assert "[ImagePullBackOff] Back-off pulling image" in printed
    assert project.state("app")["id"] == f"{namespace}/app"
    assert project.state("app")["initErrors"]

    # The failed object is updated although the program has not changed.
    assert project.steps() == [("update", "app")]
    project.write(app=deployment("app:there", seconds=30))
    up = project.start_up()
    project.plane.patch_status(new_pod(project.plane, namespace, "app:there"), READY)
    printed = up.communicate(timeout=120)[0]
    assert up.returncode == 0, printed
    assert not project.state("app").get("initErrors")
    assert project.steps() == []


def test_interrupt_ends_waiting_and_keeps_the_object_in_the_state(project: Project, namespace: str) -> None:
    project.write(app=deployment("app:1", seconds=300))
    up = project.start_up()
    new_pod(project.plane, namespace, "app:1")
    up.send_signal(signal.SIGINT)
    printed = up.communicate(timeout=120)[0]
    assert up.returncode
    assert 'Resource operation was cancelled for "app"' in printed
    assert project.state("app")["id"] == f"{namespace}/app"


def test_a_load_balancer_is_waited_for_until_it_has_an_address(project: Project, namespace: str) -> None:
    app = service(type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    app["options"] = {"custom_timeouts": {"create": "60s"}}
    project.write(app=app)
    up = project.start_up()
    path = f"/api/v1/namespaces/{namespace}/services/app"
    deadline = time.monotonic() + 120
    while not project.plane.request("GET", f"/api/v1/namespaces/{namespace}/services")["items"]:
        assert time.monotonic() < deadline, "no service appeared"
        time.sleep(0.2)
    time.sleep(2)
    assert up.poll() is None
    project.plane.patch_status(path, {"loadBalancer": {"ingress": [{"ip": "10.0.20.5"}]}})
    printed = up.communicate(timeout=120)[0]
    assert up.returncode == 0, printed
    assert project.state("app")["outputs"]["status"]["loadBalancer"]["ingress"] == [
        {"ip": "10.0.20.5", "ipMode": "VIP"}
    ]


def test_claim_waiting_for_its_first_consumer_is_ready(project: Project) -> None:
    wait_for_consumer = {
        "type": "kubernetes:storage.k8s.io/v1:StorageClass",
        "inputs": {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "of-a-test"},
            "provisioner": "example.com/none",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    }
    claim: dict[str, Any] = {
        "type": "kubernetes:core/v1:PersistentVolumeClaim",
        "inputs": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "of-a-test",
                "resources": {"requests": {"storage": "51200Mi"}},
            },
        },
    }
    project.write(kind=wait_for_consumer)
    project.up()
    project.write(kind=wait_for_consumer, data=claim)
    project.up()
    assert project.state("data")["outputs"]["status"]["phase"] == "Pending"
    assert project.steps() == []
    spec = claim["inputs"]["spec"]
    spec["resources"]["requests"]["storage"] = "100Gi"
    project.write(kind=wait_for_consumer, data=claim)
    # Planned in place, and the API server resizes bound claims alone.
    assert "spec is immutable after creation except resources.requests" in project.pulumi("preview", check=False)
    spec["resources"]["requests"]["storage"] = "50Gi"
    spec["accessModes"] = ["ReadWriteMany"]
    project.write(kind=wait_for_consumer, data=claim)
    assert project.steps() == [("replace", "data")]
    project.write()
    project.up()


def test_delete_waits_for_finalizers_and_says_so(project: Project, namespace: str) -> None:
    held = config_map(metadata={"name": "held", "finalizers": ["example.com/held"]})
    held["options"] = {"custom_timeouts": {"delete": "2s"}}
    project.write(held=held)
    project.up()
    printed = project.pulumi("destroy", "--yes", check=False)
    assert "finalizers might be preventing deletion (example.com/held)" in printed
    path = f"/api/v1/namespaces/{namespace}/configmaps/held"
    project.plane.request("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    project.pulumi("destroy", "--yes")


def test_object_deleted_by_hand_is_created_again_after_refresh(project: Project, namespace: str) -> None:
    project.write(a=config_map(metadata={"name": "a"}), b=config_map(metadata={"name": "b"}))
    project.up()
    project.plane.request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/a")
    project.pulumi("refresh", "--yes")
    assert project.steps() == [("create", "a")]
    project.plane.request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/b")
    project.pulumi("destroy", "--yes")


def test_refresh_shows_a_manual_change_and_up_reverts_it(project: Project, namespace: str) -> None:
    project.write(app=service(clusterIP="None", sessionAffinity="None"))
    project.up()
    path = f"/api/v1/namespaces/{namespace}/services/app"
    project.plane.request("PATCH", path, {"spec": {"sessionAffinity": "ClientIP"}}, "application/merge-patch+json")
    project.pulumi("refresh", "--yes")
    assert project.steps() == [("update", "app")]


def test_an_existing_object_can_be_imported(project: Project, namespace: str) -> None:
    body = {"metadata": {"name": "theirs"}, "data": {"a": "1"}}
    project.plane.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
    theirs = config_map(metadata={"name": "theirs", "namespace": namespace})
    theirs["options"] = {"import_": f"{namespace}/theirs"}
    project.write(theirs=theirs)
    project.up()
    assert project.state("theirs")["inputs"]["data"] == {"a": "1"}
    del theirs["options"]
    project.write(theirs=theirs)
    assert project.steps() == []


def test_deleted_cluster_can_be_previewed_and_removed_with_a_setting(project: Project) -> None:
    project.write(a=config_map())
    project.up()
    gone = json.dumps(kubeconfig(free_port(), {"token": "x" * 20}))
    identity = {"cluster_identifier": "the same"}
    project.configure(kubeconfig=project.plane.kubeconfig, **identity)
    project.up()
    project.configure(kubeconfig=gone, **identity)
    project.write(a=config_map(), b=config_map())
    printed = project.up(check=False)
    assert "configured Kubernetes cluster is unreachable" in printed
    project.write(a=config_map())
    project.up()
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in project.pulumi("refresh", "--yes", check=False)
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in project.pulumi("destroy", "--yes", check=False)
    project.environment["PULUMI_K8S_DELETE_UNREACHABLE"] = "true"
    project.pulumi("destroy", "--yes")
    assert '"resources"' not in project.export()


def test_another_cluster_replaces_everything(project: Project) -> None:
    project.write(a=config_map())
    project.up()
    project.configure(kubeconfig=json.dumps(kubeconfig(free_port(), {"token": "x" * 20})))
    steps = project.steps()
    assert ("replace", "cluster") in steps
    assert ("replace", "a") in steps


def test_credentials_come_from_the_program_that_the_kubeconfig_names(project: Project, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    helper = tmp_path / "bin" / "hand-out-a-token"
    helper.write_text(
        '#!/bin/sh\nprintf \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
        '"status": {"token": "%s"}}\' "$TOKEN_OF_THE_TEST"\n'
    )
    helper.chmod(0o755)
    program = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "bin/hand-out-a-token",  # from the working directory: the project's
        "interactiveMode": "Never",
        "env": [{"name": "TOKEN_OF_THE_TEST", "value": project.plane.token}],
    }
    project.configure(kubeconfig=json.dumps(kubeconfig(project.plane.port, {"exec": program})))
    project.write(a=config_map())
    project.up()
    helper.write_text("#!/bin/sh\necho no login >&2\nexit 3\n")
    project.write(a=config_map(data={"a": "2"}))
    printed = project.up(check=False)
    assert "hand-out-a-token failed with exit code 3: no login" in printed
    assert project.plane.token not in printed
