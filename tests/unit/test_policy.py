"""Each policy: what it lets pass and what it tells, and that its message says what to do."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi_oci as oci
import pytest

from policy import compute, data, images, network, pack, secrets, sizes, tags
from policy.rule import UNKNOWN, Policy, Resource, SecretText, Stack
from sandbox.oci import sdk as oci_sdk
from specs import kubernetes, podman
from tests.unit.kubernetes_values import APP

RULE = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
DEFAULT_LIST = "oci:Core/defaultSecurityList:DefaultSecurityList"
SERVICE = "kubernetes:core/v1:Service"
COMMAND = "command:remote:Command"
INSTANCE = "oci:Core/instance:Instance"
POOL = "oci:ContainerEngine/nodePool:NodePool"
VOLUME = "oci:Core/volume:Volume"
CONTAINER_INSTANCE = "oci:ContainerEngine/containerInstance:ContainerInstance"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
DIGEST = f"@sha256:{'0' * 64}"
INTERNAL = "service.beta.kubernetes.io/oci-load-balancer-internal"
INTERNAL_OF_NLB = "oci-network-load-balancer.oraclecloud.com/internal"
SHAPE = "service.beta.kubernetes.io/oci-load-balancer-shape"
STACK = Stack(name="dev", project="containerised-app", secrets={"containerised-app:password": "correct horse"})


def resource(kind: str, inputs: Mapping[str, Any], **rest: Any) -> Resource:
    return Resource(kind, "one", inputs, **rest)


def told(policy: Policy, kind: str, inputs: Mapping[str, Any], **rest: Any) -> Sequence[str]:
    """What the policy says of one resource."""
    assert policy.check
    return list(policy.check(resource(kind, inputs, **rest), STACK))


def ingress(source: Any, **rest: Any) -> dict[str, Any]:
    return {"direction": "INGRESS", "protocol": "6", "source": source, "sourceType": "CIDR_BLOCK", **rest}


OPEN, CLOSED = (network.POLICIES[0], "no-ingress-from-anywhere"), (network.POLICIES[1], "no-public-load-balancer")


@pytest.mark.parametrize("source", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "0:0::/0", "1.2.3.4/0"])
def test_a_rule_that_lets_the_internet_in_is_told(source: str) -> None:
    for inputs in (ingress(source), {"direction": "INGRESS", "protocol": "all", "source": source}):
        assert source in told(OPEN[0], RULE, inputs)[0]
    lists = {"ingressSecurityRules": [{"protocol": "6", "source": "10.0.0.0/8"}, {"protocol": "6", "source": source}]}
    assert len(told(OPEN[0], DEFAULT_LIST, lists)) == 1


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (RULE, ingress("203.0.113.7/32")),
        (RULE, ingress("10.0.0.0/8")),
        (RULE, {"direction": "EGRESS", "protocol": "all", "destination": "0.0.0.0/0"}),
        (RULE, ingress("all-fra-services", sourceType="SERVICE_CIDR_BLOCK")),
        (RULE, ingress("ocid1.networksecuritygroup.x", sourceType="NETWORK_SECURITY_GROUP")),
        (RULE, ingress(UNKNOWN)),
        (RULE, ingress("0.0.0.0/0", protocol="1", icmpOptions={"type": 3, "code": 4})),
        (DEFAULT_LIST, {}),
        (DEFAULT_LIST, {"ingressSecurityRules": UNKNOWN}),
        (DEFAULT_LIST, {"egressSecurityRules": [{"protocol": "all", "destination": "0.0.0.0/0"}]}),
        ("oci:Core/vcn:Vcn", {"cidrBlocks": ["10.0.0.0/16"]}),
    ],
)
def test_rules_for_known_networks_and_ways_out_pass(kind: str, inputs: Mapping[str, Any]) -> None:
    assert not told(OPEN[0], kind, inputs)


@pytest.mark.parametrize("options", [None, {"type": 3}, {"type": 8, "code": 4}])
def test_of_icmp_from_anywhere_only_packet_too_large_passes(options: Any) -> None:
    assert told(OPEN[0], RULE, ingress("0.0.0.0/0", protocol="1", icmpOptions=options))


VCN_ID, DEFAULT_ID = "ocid1.vcn.x", "ocid1.securitylist.default"


def vcn(default: Any = UNKNOWN) -> Resource:
    return Resource("oci:Core/vcn:Vcn", "vcn", {"defaultSecurityListId": default}, urn="urn:vcn")


def subnet(lists: Any = None, **dependencies: Sequence[str]) -> Resource:
    """One whose VCN is that of vcn(), with these lists if any. dependencies: property to URNs."""
    given = {"vcnId": ["urn:vcn"], **({} if lists is None else {"securityListIds": []}), **dependencies}
    inputs = {"vcnId": UNKNOWN, "securityListIds": lists}
    return Resource("oci:Core/subnet:Subnet", "one", inputs, urn="urn:subnet", property_dependencies=given)


def default_list(managed: Any = UNKNOWN, *urns: str) -> Resource:
    dependencies = {"manageDefaultResourceId": urns}
    return resource(DEFAULT_LIST, {"manageDefaultResourceId": managed}, property_dependencies=dependencies)


def of_stack(policy: Policy, *resources: Resource) -> Sequence[str]:
    """What the policy says of all of them together."""
    assert policy.check_stack
    return list(policy.check_stack(resources, STACK))


@pytest.mark.parametrize(
    "resources",
    [
        # As a preview knows it.
        [vcn(), subnet()],
        [vcn(), subnet(), default_list(UNKNOWN, "urn:other")],
        [vcn(), subnet([UNKNOWN], securityListIds=["urn:vcn"])],
        [vcn(), subnet([])],
        # Once it is made.
        [vcn(DEFAULT_ID), replace(subnet(), inputs={"vcnId": VCN_ID, "securityListIds": [DEFAULT_ID]})],
        [vcn(DEFAULT_ID), subnet(["ocid1.securitylist.own", DEFAULT_ID])],
        [vcn(DEFAULT_ID), subnet(), default_list("ocid1.securitylist.of-another", "urn:other")],
        # In a VCN of somebody's.
        [subnet(vcnId=[])],
    ],
)
def test_a_subnet_with_the_default_security_list_as_oracle_makes_it_is_told(resources: Sequence[Resource]) -> None:
    [complaint] = of_stack(OPEN[0], *resources)
    assert complaint.startswith("one takes its VCN's default security list")


@pytest.mark.parametrize(
    "resources",
    [
        [vcn(), subnet(), default_list(UNKNOWN, "urn:vcn")],
        [vcn(), subnet([UNKNOWN], securityListIds=["urn:own"])],
        [vcn(), subnet(UNKNOWN, securityListIds=["urn:own"])],
        [vcn(DEFAULT_ID), subnet(["ocid1.securitylist.own"])],
        [subnet(["ocid1.securitylist.own"], vcnId=[])],
        # Nothing in it, and one that is only read.
        [vcn()],
        [vcn(), replace(subnet(), property_dependencies={})],
    ],
)
def test_a_subnet_whose_security_lists_the_stack_or_a_person_says_passes(resources: Sequence[Resource]) -> None:
    assert not of_stack(OPEN[0], *resources)


def service(annotations: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "spec": {"type": "LoadBalancer"}}


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (SERVICE, {"metadata": {}, "spec": {"type": "LoadBalancer"}}),
        (SERVICE, service({INTERNAL: "false"})),
        (SERVICE, service({INTERNAL: ""})),
        (SERVICE, service({"oci.oraclecloud.com/load-balancer-type": "nlb", INTERNAL: "true"})),
        (SERVICE, service({"oci.oraclecloud.com/load-balancer-type": "NLB", INTERNAL: "true"})),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"shape": "flexible"}),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"isPrivate": False}),
        ("oci:NetworkLoadBalancer/networkLoadBalancer:NetworkLoadBalancer", {}),
    ],
)
def test_a_load_balancer_with_a_public_address_is_told(kind: str, inputs: Mapping[str, Any]) -> None:
    assert "public address" in told(CLOSED[0], kind, inputs)[0]


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (SERVICE, service({INTERNAL: "true", "service.beta.kubernetes.io/oci-load-balancer-subnet1": UNKNOWN})),
        (SERVICE, service(UNKNOWN)),
        (SERVICE, service({"oci.oraclecloud.com/load-balancer-type": "NLB", INTERNAL_OF_NLB: "true"})),
        (SERVICE, {"spec": {"type": "ClusterIP"}}),
        (SERVICE, {"spec": {}}),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"isPrivate": True}),
        ("oci:LoadBalancer/loadBalancer:LoadBalancer", {"isPrivate": UNKNOWN}),
    ],
)
def test_an_internal_load_balancer_and_what_is_none_pass(kind: str, inputs: Mapping[str, Any]) -> None:
    assert not told(CLOSED[0], kind, inputs)


def deployed(image: str, environment: Mapping[str, str] | None = None) -> str:
    spec = podman.ContainerSpec(
        name="app",
        image=image,
        port=8888,
        environment=environment or {"GREETING": "don't 'quote' me"},
        secret_names=["password-hash"],
        data_path="/data",
        health_path="/api",
        user_id=10001,
        memory_gb=10,
    )
    return podman.as_root(podman.deploy_script(spec, "registry.example", "ns/me", "ocid1.instance.x"))


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


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


KEY = "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----"
HASH = "argon2:$argon2id$v=19$m=10240,t=10,p=8$c2FsdA$aGFzaA"


@pytest.mark.parametrize(
    "inputs",
    [
        {"metadata": {"user_data": encoded(f"#cloud-config\nkey: {KEY}")}},
        {"data": {"id_ecdsa": KEY}},
        {"data": {"password-hash": HASH}},
        {"data": {"users": encoded("me:$2y$05$abcdefghijklmnopqrstuv")}},
        {"data": {"shadow": "root:$6$salt$hash:1::"}},
        {"annotations": {"note": f"ghp_{'a' * 36}"}},
        {"buildArgs": {"APP_PASSWORD": "hunter2"}},
        {"registries": [{"address": "x", "password": "hunter2"}]},
        {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
        {"connection": {"privateKey": "x"}},
        {"description": "it is correct horse"},
        {"data": encoded("and also: correct horse")},
    ],
)
def test_a_secret_in_plain_text_is_told_and_passes_encrypted(inputs: Mapping[str, Any]) -> None:
    def encrypted(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: inner if key == "name" else encrypted(inner) for key, inner in value.items()}
        return [encrypted(inner) for inner in value] if isinstance(value, list) else SecretText(value)

    [policy] = secrets.POLICIES
    complaints = told(policy, "oci:Core/vcn:Vcn", inputs)
    assert len(complaints) == 1
    assert not any(secret in complaints[0] for secret in ("hunter2", "correct horse", "$2y$", "MHc", "ghp_"))
    assert not told(policy, "oci:Core/vcn:Vcn", encrypted(inputs))


@pytest.mark.parametrize(
    ("outputs", "place"),
    [
        ({"password": "hunter2"}, "password"),
        ({"note": "it is correct horse"}, "note"),
        ({"users": [{"hash": HASH}]}, "users[0].hash"),
        ({"key": KEY}, "key"),
    ],
)
def test_a_secret_as_a_plain_output_is_told_and_passes_encrypted(outputs: Mapping[str, Any], place: str) -> None:
    [policy] = secrets.POLICIES
    stack = resource("pulumi:pulumi:Stack", {}, outputs=outputs, is_component=True)
    [complaint] = of_stack(policy, stack)
    assert complaint.startswith("one has ")
    assert complaint.endswith(f" in plain text: its output {place}.")
    assert not any(secret in complaint for secret in ("hunter2", "correct horse", "$argon2", "MHc"))
    hidden = {name: [SecretText("x")] if name == "users" else SecretText(value) for name, value in outputs.items()}
    for others in ({}, hidden, dict.fromkeys(outputs, UNKNOWN)):
        assert not of_stack(policy, replace(stack, outputs=others))
    # Those of a resource are its provider's.
    assert not of_stack(policy, replace(stack, is_component=False))


SECRET_NAMES = (
    "AWS_SECRET_ACCESS_KEY",
    "HF_TOKEN",
    "API_TOKEN",
    "SECRET",
    "DB_PASS",
    "OPENAI_API_KEY",
    "MYSQL_PWD",
    "TOKEN",
)
NO_SECRET_NAMES = (
    *("PUBLIC_KEY", "SSH_HOST_KEY", "CACHE_KEY", "KEY", "KEYBOARD", "MONKEY", "TOKENIZERS_PARALLELISM", "MAX_TOKENS"),
    *("PASSENGERS", "COMPASS", "TOKEN_FILE", "PASSWORD_FILE", "SECRET_NAME", "PWD", "GREETING"),
)


def in_kubernetes(name: str) -> Sequence[str]:
    [policy] = secrets.POLICIES
    container = {"name": "a", "env": [{"name": name, "value": "it is hunter2's"}]}
    return told(policy, "kubernetes:apps/v1:Deployment", {"spec": {"template": {"spec": {"containers": [container]}}}})


def on_an_instance(name: str) -> Sequence[str]:
    [policy] = secrets.POLICIES
    return told(policy, COMMAND, {"create": deployed(f"x/y{DIGEST}", {name: "it is hunter2's"})})


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_plain_variable_whose_name_says_secret_is_told_on_both_targets_alike(name: str) -> None:
    assert in_kubernetes(name) == [
        "one has what its name calls a secret in plain text: spec.template.spec.containers[0].env[0].value."
    ]
    assert on_an_instance(name) == [f"one has what its name calls a secret in plain text: {name} in its create."]


@pytest.mark.parametrize("name", NO_SECRET_NAMES)
def test_a_plain_variable_whose_name_says_no_secret_passes_on_both_targets_alike(name: str) -> None:
    assert not in_kubernetes(name)
    assert not on_an_instance(name)


@pytest.mark.parametrize(
    ("script", "passes"),
    [
        ("podman run -e HF_TOKEN=hunter2 x", False),
        ("podman run -eHF_TOKEN=hunter2 x", False),
        ("podman run --env=HF_TOKEN='hunter2' x", False),
        ("export HF_TOKEN=hunter2", False),
        ("cat >app.env <<END\nHF_TOKEN=hunter2\nEND\npodman run --env-file app.env x", False),
        ("podman run --env HF_TOKEN x", True),
        ('HF_TOKEN=$(cat) podman run --env HF_TOKEN="$HF_TOKEN" --env API_TOKEN= x', True),
        ("podman run --secret hf_token,type=env,target=HF_TOKEN x", True),
    ],
)
def test_a_variable_that_a_command_sets_is_told_unless_its_value_comes_from_elsewhere(
    script: str, passes: bool
) -> None:
    [policy] = secrets.POLICIES
    for place in ("create", "update", "delete"):
        complaints = told(policy, COMMAND, {"create": "true", place: script})
        assert bool(complaints) != passes
        assert not any("hunter2" in one for one in complaints)
        assert not told(policy, COMMAND, {"create": "true", place: SecretText(script)})


def test_the_name_of_a_secret_of_kubernetes_is_none() -> None:
    [policy] = secrets.POLICIES
    annotations = {"service.beta.kubernetes.io/oci-load-balancer-tls-secret": "certificate"}
    assert not told(policy, SERVICE, service(annotations))
    source = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "app", "key": "token"}}}
    assert not told(policy, "kubernetes:core/v1:Pod", {"spec": {"containers": [{"name": "a", "env": [source]}]}})


@pytest.mark.parametrize("inputs", [{"stdin": "anything"}, {"environment": {"NAME": "value"}}])
def test_what_a_command_is_given_has_to_be_secret(inputs: Mapping[str, Any]) -> None:
    [policy] = secrets.POLICIES
    assert told(policy, COMMAND, inputs)
    assert not told(policy, COMMAND, {"stdin": SecretText("anything"), "environment": {"NAME": SecretText("value")}})
    assert not told(policy, COMMAND, {"stdin": UNKNOWN, "create": "true"})


@pytest.mark.parametrize(
    "inputs",
    [
        {"imagePullSecrets": [{"name": "app-registry"}], "secretName": "app-files", "tokenVersion": "2.0.0"},
        {"metadata": {"ssh_authorized_keys": "ssh-ed25519 AAAA me"}, "automountServiceAccountToken": False},
        {"env": [{"name": "PORT", "value": "8888"}], "password": "", "registryToken": UNKNOWN},
        {"create": 'read -r token; printf %s "$token" | podman login --password-stdin'},
        {"tls.crt": encoded("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----")},
    ],
)
def test_what_only_sounds_like_a_secret_passes(inputs: Mapping[str, Any]) -> None:
    [policy] = secrets.POLICIES
    assert not told(policy, COMMAND, inputs)


@pytest.mark.parametrize(
    ("kind", "inputs", "passes"),
    [
        (INSTANCE, {}, False),
        (INSTANCE, {"instanceOptions": {"areLegacyImdsEndpointsDisabled": False}}, False),
        (INSTANCE, {"instanceOptions": {"areLegacyImdsEndpointsDisabled": True}}, True),
        (INSTANCE, {"instanceOptions": UNKNOWN}, True),
        (POOL, {"nodeMetadata": {"user_data": "x"}}, False),
        (POOL, {"nodeMetadata": {"areLegacyImdsEndpointsDisabled": "true"}}, True),
        (VOLUME, {}, True),
    ],
)
def test_machines_do_not_answer_version_1_of_the_metadata_service(
    kind: str, inputs: Mapping[str, Any], passes: bool
) -> None:
    [policy] = compute.POLICIES
    assert (not told(policy, kind, inputs)) == passes


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "passes"),
    [
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {}, True),
        (VOLUME, {}, {"protect": True}, True),
        (VOLUME, {}, {}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "delete"}}, {}, False),
        # The tag of whoever made it.
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ("freeformTags",)}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ('freeformTags["on-destroy"]',)}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ("*",)}, False),
        (VOLUME, {}, {"ignored": ("freeformTags",)}, False),
        (VOLUME, {"freeformTags": {"on-destroy": "keep"}}, {"ignored": ("displayName", "freeformTags.team")}, True),
        (VOLUME, {}, {"ignored": ("freeformTags",), "protect": True}, True),
        (CLAIM, {"metadata": {"labels": {"on-destroy": "keep"}}}, {}, True),
        (CLAIM, {"metadata": {"labels": {"on-destroy": "delete"}}}, {}, False),
        (CLAIM, {"metadata": {"name": "data"}}, {}, False),
        ("kubernetes:core/v1:Namespace", {"metadata": {"labels": {}}}, {}, False),
        ("kubernetes:core/v1:Secret", {}, {}, True),
    ],
)
def test_what_holds_data_is_kept(kind: str, inputs: Mapping[str, Any], options: Any, passes: bool) -> None:
    [policy] = data.POLICIES
    assert (not told(policy, kind, inputs, **options)) == passes


OURS = {"project": "containerised-app", "stack": "dev", "managed-by": "pulumi"}


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "passes"),
    [
        ("oci:Core/vcn:Vcn", {"freeformTags": {**OURS, "team": "data"}}, {}, True),
        ("oci:Core/vcn:Vcn", {"freeformTags": UNKNOWN}, {}, True),
        ("oci:Core/vcn:Vcn", {}, {}, False),
        ("oci:Core/vcn:Vcn", {"freeformTags": {**OURS, "stack": "prod"}}, {}, False),
        ("oci:Core/vcn:Vcn", {"freeformTags": {"project": "containerised-app", "stack": "dev"}}, {}, False),
        (VOLUME, {"freeformTags": {}}, {"ignored": ("freeformTags",)}, False),
        ("oci:New/thing:Thing", {}, {}, False),
        (RULE, {}, {}, True),
        (COMMAND, {}, {}, True),
    ],
)
def test_all_in_the_cloud_has_the_tags(kind: str, inputs: Mapping[str, Any], options: Any, passes: bool) -> None:
    [policy] = tags.POLICIES
    assert (not told(policy, kind, inputs, **options)) == passes


def instance(ocpus: Any = 2, memory: Any = 12, boot: Any = "50", shape: Any = "VM.Standard.A1.Flex") -> Resource:
    config = {"ocpus": ocpus, "memoryInGbs": memory}
    return resource(INSTANCE, {"shape": shape, "shapeConfig": config, "sourceDetails": {"bootVolumeSizeInGbs": boot}})


def pool(size: Any, ocpus: Any = 2, memory: Any = 12) -> Resource:
    config = {"ocpus": ocpus, "memoryInGbs": memory}
    inputs = {"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": config, "nodeConfigDetails": {"size": size}}
    return resource(POOL, {**inputs, "nodeSourceDetails": {"bootVolumeSizeInGbs": "50"}})


def volume(size: Any) -> Resource:
    return resource(VOLUME, {"sizeInGbs": size})


def claim(size: str) -> Resource:
    return resource(CLAIM, {"spec": {"resources": {"requests": {"storage": size}}}})


def balancer(most: str, shape: str = "flexible") -> Resource:
    return resource(SERVICE, service({SHAPE: shape, f"{SHAPE}-flex-max": most}))


@pytest.mark.parametrize(
    "resources",
    [
        [instance(), volume("50")],
        [instance(boot="100"), volume("100")],
        [pool(1), claim("50Gi"), balancer("10")],
        [instance(1, 6), Resource(INSTANCE, "two", instance(1, 6).inputs)],
        [instance(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN), volume(UNKNOWN), pool(UNKNOWN)],
        [resource(SERVICE, service(UNKNOWN))],
        [resource("oci:ContainerEngine/cluster:Cluster", {"type": "BASIC_CLUSTER"})],
    ],
)
def test_what_always_free_covers_passes(resources: Sequence[Resource]) -> None:
    assert not list(sizes.beyond_always_free(resources, STACK))


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([instance(3)], "3 OCPU of VM.Standard.A1.Flex (one 3); Always Free covers 2"),
        ([instance(memory=24)], "24 GB of memory"),
        ([pool(2)], "4 OCPU"),
        ([instance(), Resource(INSTANCE, "two", instance().inputs)], "(one 2, two 2)"),
        ([instance(boot="101"), Resource(VOLUME, "two", {"sizeInGbs": "100"})], "201 GB of boot and data volumes"),
        ([volume(None)], "1024 GB"),
        ([claim("300Gi")], "300 GB"),
        ([claim("1Ti")], "1024 GB"),
        ([balancer("20")], "20 Mbps"),
        ([balancer("10", "100Mbps")], "shape 100Mbps"),
        ([balancer("10"), Resource(SERVICE, "two", balancer("10").inputs)], "2 load balancers"),
        ([resource("oci:LoadBalancer/loadBalancer:LoadBalancer", {"shape": "400Mbps"})], "shape 400Mbps"),
        ([instance(shape="VM.Standard.E5.Flex")], "shape VM.Standard.E5.Flex"),
        ([resource("oci:ContainerEngine/cluster:Cluster", {"type": "ENHANCED_CLUSTER"})], "ENHANCED_CLUSTER"),
    ],
)
def test_what_costs_money_is_told_with_its_parts(resources: Sequence[Resource], words: str) -> None:
    assert words in "\n".join(sizes.beyond_always_free(resources, STACK))


def test_resources_of_one_name_are_all_counted() -> None:
    both = [volume("100"), Resource(CLAIM, "one", claim("150Gi").inputs)]
    assert "250 GB" in "\n".join(sizes.beyond_always_free(both, STACK))


@pytest.mark.parametrize("policy", pack.POLICIES, ids=lambda policy: policy.name)
def test_a_message_says_what_is_wrong_what_to_do_and_whether_a_stack_may_differ(policy: Policy) -> None:
    message = policy.message("one is wrong.", "dev")
    assert message.startswith("one is wrong.\nRemedy: ")
    assert len(policy.remedy) > 20
    assert ("Pulumi.dev.yaml" in message and policy.name in message) == policy.may_be_excepted


def test_a_pod_of_the_stack_passes_by_digest() -> None:
    [policy] = images.POLICIES
    manifest = kubernetes.deployment(APP, f"registry.example/app{DIGEST}")
    assert not told(policy, "kubernetes:apps/v1:Deployment", manifest)
    assert told(policy, "kubernetes:apps/v1:Deployment", kubernetes.deployment(APP, "registry.example/app:v1"))
