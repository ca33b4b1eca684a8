"""Resources as policies see them, and what a policy says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, Stack
from specs import podman_deploy
from specs.container import ContainerSpec

RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
DEFAULT_LIST = "oci:Core/defaultSecurityList:DefaultSecurityList"
SERVICE = "kubernetes:core/v1:Service"
COMMAND = "command:remote:Command"
INSTANCE = "oci:Core/instance:Instance"
POOL = "oci:ContainerEngine/nodePool:NodePool"
VOLUME = "oci:Core/volume:Volume"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
DIGEST = f"@sha256:{'0' * 64}"
SHAPE = "service.beta.kubernetes.io/oci-load-balancer-shape"
STACK = Stack(name="dev", project="containerised-app", secrets={"containerised-app:password": "correct horse"})


def resource(kind: str, inputs: Mapping[str, Any], **rest: Any) -> Resource:
    return Resource(kind, "one", inputs, **rest)


def told(policy: Policy, kind: str, inputs: Mapping[str, Any], **rest: Any) -> Sequence[str]:
    """What the policy says of one resource."""
    assert policy.check
    return list(policy.check(resource(kind, inputs, **rest), STACK))


def of_stack(policy: Policy, *resources: Resource) -> Sequence[str]:
    """What the policy says of all of them together."""
    assert policy.check_stack
    return list(policy.check_stack(resources, STACK))


def service(annotations: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "spec": {"type": "LoadBalancer"}}


def deployed(image: str, environment: Mapping[str, str] | None = None) -> str:
    spec = ContainerSpec(
        name="app",
        port=8888,
        environment=environment or {"GREETING": "don't 'quote' me"},
        secret_names=["password-hash"],
        data_path="/data",
        health_path="/api",
        user_id=10001,
        memory_gb=10,
    )
    return podman_deploy.as_root(
        podman_deploy.deploy_script(spec, image, "registry.example", "ns/me", "ocid1.instance.x")
    )
