"""What the policy on secrets lets pass, and what it tells."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from policy import secrets
from policy.rule import UNKNOWN, SecretText
from tests.unit.judged import COMMAND, DIGEST, SERVICE, deployed, of_stack, resource, service, told


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
