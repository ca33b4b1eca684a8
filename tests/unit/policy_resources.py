"""Resources as policies see them, and the violations that a policy reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, Stack

RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
DEFAULT_LIST = "oci:Core/defaultSecurityList:DefaultSecurityList"
SERVICE = "kubernetes:core/v1:Service"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
COMMAND = "command:remote:Command"
INSTANCE = "oci:Core/instance:Instance"
POOL = "oci:ContainerEngine/nodePool:NodePool"
VOLUME = "oci:Core/volume:Volume"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
SHAPE = "service.beta.kubernetes.io/oci-load-balancer-shape"
STACK = Stack(name="dev", project="containerised-app", secrets={"containerised-app:password": "correct horse"})


def resource(kind: str, inputs: Mapping[str, Any], **rest: Any) -> Resource:
    return Resource(kind, "one", inputs, **rest)


def violations(policy: Policy, kind: str, inputs: Mapping[str, Any], **rest: Any) -> Sequence[str]:
    """What the policy reports for one resource."""
    assert policy.check
    return list(policy.check(resource(kind, inputs, **rest), STACK))


def stack_violations(policy: Policy, *resources: Resource) -> Sequence[str]:
    """What the policy reports for all resources together."""
    assert policy.check_stack
    return list(policy.check_stack(resources, STACK))


def service(annotations: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "spec": {"type": "LoadBalancer"}}
