"""What the policy on images lets pass, and what it tells."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pulumi_oci as oci
import pytest

from policy import images
from policy.rule import UNKNOWN, SecretText
from sandbox.oci import sdk as oci_sdk
from specs import kubernetes
from tests.unit.judged import COMMAND, DIGEST, deployed, told
from tests.unit.kubernetes_values import APP

CONTAINER_INSTANCE = "oci:ContainerEngine/containerInstance:ContainerInstance"


def test_the_podman_command_of_the_stack_passes_by_digest_and_is_told_by_tag() -> None:
    [policy] = images.POLICIES
    assert not told(policy, COMMAND, {"create": deployed(f"registry.example/ns/app{DIGEST}")})
    complaints = told(policy, COMMAND, {"create": deployed("registry.example/ns/app:v1")})
    assert any("podman run" in one for one in complaints)
    assert any("podman pull" in one for one in complaints)


def pod(image: Any, name: str = "containers") -> dict[str, Any]:
    return {"spec": {"template": {"spec": {name: [{"name": "a", "image": f"x/y{DIGEST}"}, {"image": image}]}}}}


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (COMMAND, {"create": "podman run --rm docker.io/library/nginx:1.27 nginx -v"}),
        (COMMAND, {"create": "true", "update": "sudo podman pull nginx"}),
        (COMMAND, {"create": f"podman run x/y{DIGEST}\npodman --log-level=error run \\\n  --rm x/z:1"}),
        (COMMAND, {"create": f"podman run x/y{'@sha256:12'}"}),
        (COMMAND, {"create": "podman --log-level debug run nginx:1"}),
        (COMMAND, {"create": f"podman run --env X=a{DIGEST} nginx:1"}),
        (COMMAND, {"create": f"podman run --label a{DIGEST} nginx:1"}),
        (COMMAND, {"create": f"podman pull --quiet a{DIGEST} b:1 >/dev/null"}),
        (COMMAND, {"create": f"x=$(podman run a:1); podman run a{DIGEST} && true"}),
        (COMMAND, {"create": "cat >app.service <<'END'\nExecStart=/usr/bin/podman run --rm a:1\nEND\n"}),
        (COMMAND, {"create": f"podman run a{DIGEST} sh -c 'docker run b:1'"}),
        # What cannot be judged.
        (COMMAND, {"create": 'podman run "$IMAGE"'}),
        (COMMAND, {"create": "xargs podman pull <images"}),
        (COMMAND, {"create": "podman kube play pod.yaml"}),
        (COMMAND, {"create": "docker compose --file app.yaml up --detach"}),
        (COMMAND, {"create": "docker-compose up"}),
        (COMMAND, {"create": "true", "delete": "podman run nginx:1 clean"}),
        (CONTAINER_INSTANCE, {"containers": [{"imageUrl": "x/y:1"}, {"imageUrl": f"x/y{DIGEST}"}]}),
        ("command:local:Command", {"create": "docker run hello-world"}),
        ("kubernetes:apps/v1:Deployment", pod("x/y:latest")),
        ("kubernetes:batch/v1:Job", pod("x/y", "initContainers")),
    ],
)
def test_an_image_by_tag_is_told(kind: str, inputs: Mapping[str, Any]) -> None:
    [policy] = images.POLICIES
    assert len(told(policy, kind, inputs)) == 1


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (COMMAND, {"create": UNKNOWN}),
        (COMMAND, {"create": SecretText(f"podman run x/y{DIGEST} serve"), "delete": "podman rm -f app"}),
        (COMMAND, {"create": "podman image prune --all; podman login --password-stdin x"}),
        (COMMAND, {"create": "echo done # don't: podman run x/y:1"}),
        (COMMAND, {"create": f"sudo bash -c 'podman run x/y{DIGEST} jupyter lab'"}),
        (COMMAND, {"create": f"podman run x/y{DIGEST}; true"}),
        (COMMAND, {"create": f"if podman pull x/y{DIGEST}; then true; fi"}),
        (COMMAND, {"create": f"podman run -itp 80:80 --env TZ=$(cat /etc/timezone) --rm x/y{DIGEST} serve 2>&1 | cat"}),
        (COMMAND, {"create": f'podman run "$IMAGE{DIGEST}"; podman volume create x; docker --debug network create y'}),
        (
            COMMAND,
            {"create": "dnf install podman; podman kube down pod.yaml; docker compose down; systemctl start docker"},
        ),
        (CONTAINER_INSTANCE, {"containers": [{"imageUrl": f"x/y{DIGEST}"}, {"imageUrl": UNKNOWN}]}),
        ("kubernetes:apps/v1:Deployment", pod(f"x/y:1{DIGEST}")),
        ("kubernetes:apps/v1:Deployment", pod(UNKNOWN)),
        ("kubernetes:core/v1:ConfigMap", {"data": {"image": "x/y:latest"}}),
    ],
)
def test_an_image_by_digest_and_one_that_is_not_known_yet_pass(kind: str, inputs: Mapping[str, Any]) -> None:
    [policy] = images.POLICIES
    assert not told(policy, kind, inputs)


def test_container_instances_are_judged_under_the_name_that_the_provider_gives_them() -> None:
    assert "containers" in oci_sdk.inputs(CONTAINER_INSTANCE)
    assert "image_url" in inspect.signature(oci.containerengine.ContainerInstanceContainerArgs).parameters


@pytest.mark.parametrize("kind", [SecretText, str])
def test_a_message_about_an_image_quotes_no_secret_of_the_command(kind: type[str]) -> None:
    [policy] = images.POLICIES
    script = kind("podman run -e TOKEN=hunter2 nginx:1; docker pull other:2; podman run --new-option TOKEN=hunter2")
    complaints = told(policy, COMMAND, {"create": script})
    place = "one runs an image which names no digest, in its create: "
    shown = (
        ["podman run", "docker pull"]
        if kind is SecretText
        else ["podman run nginx:1", "docker pull other:2", "podman run"]
    )
    assert complaints == [place + tool for tool in shown]
    in_cluster = pod(SecretText("registry.example/hunter2:1"))
    assert told(policy, "kubernetes:apps/v1:Deployment", in_cluster) == ["one runs an image, which names no digest."]


def test_a_pod_of_the_stack_passes_by_digest() -> None:
    [policy] = images.POLICIES
    manifest = kubernetes.deployment(APP, f"registry.example/app{DIGEST}")
    assert not told(policy, "kubernetes:apps/v1:Deployment", manifest)
    assert told(policy, "kubernetes:apps/v1:Deployment", kubernetes.deployment(APP, "registry.example/app:v1"))
