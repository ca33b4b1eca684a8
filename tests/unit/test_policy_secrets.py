"""The policy on secrets: what it accepts and what it reports."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from policy import secrets
from policy.rule import UNKNOWN, SecretText
from tests.unit.policy_resources import COMMAND, DEPLOYMENT, SERVICE, resource, service, stack_violations, violations

[POLICY] = secrets.POLICIES


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
def test_policy_reports_a_secret_in_plain_text_and_accepts_it_encrypted(inputs: Mapping[str, Any]) -> None:
    def encrypted(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: inner if key == "name" else encrypted(inner) for key, inner in value.items()}
        return [encrypted(inner) for inner in value] if isinstance(value, list) else SecretText(value)

    reported = violations(POLICY, "oci:Core/vcn:Vcn", inputs)
    assert len(reported) == 1
    assert not any(secret in reported[0] for secret in ("hunter2", "correct horse", "$2y$", "MHc", "ghp_"))
    assert not violations(POLICY, "oci:Core/vcn:Vcn", encrypted(inputs))


@pytest.mark.parametrize(
    ("outputs", "place"),
    [
        ({"password": "hunter2"}, "password"),
        ({"note": "it is correct horse"}, "note"),
        ({"users": [{"hash": HASH}]}, "users[0].hash"),
        ({"key": KEY}, "key"),
    ],
)
def test_policy_reports_a_secret_in_a_plain_output(outputs: Mapping[str, Any], place: str) -> None:
    stack = resource("pulumi:pulumi:Stack", {}, outputs=outputs, is_component=True)
    [violation] = stack_violations(POLICY, stack)
    assert violation.startswith("one has ")
    assert violation.endswith(f" in plain text: its output {place}.")
    assert not any(secret in violation for secret in ("hunter2", "correct horse", "$argon2", "MHc"))
    hidden = {name: [SecretText("x")] if name == "users" else SecretText(value) for name, value in outputs.items()}
    for others in ({}, hidden, dict.fromkeys(outputs, UNKNOWN)):
        assert not stack_violations(POLICY, replace(stack, outputs=others))
    # The provider decides about outputs of a resource.
    assert not stack_violations(POLICY, replace(stack, is_component=False))


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


OTHER_NAMES = (
    *("PUBLIC_KEY", "SSH_HOST_KEY", "CACHE_KEY", "KEY", "KEYBOARD", "MONKEY", "TOKENIZERS_PARALLELISM", "MAX_TOKENS"),
    *("PASSENGERS", "COMPASS", "TOKEN_FILE", "PASSWORD_FILE", "SECRET_NAME", "PWD", "GREETING"),
)


def in_a_container(name: str) -> Sequence[str]:
    container = {"name": "a", "env": [{"name": name, "value": "it is hunter2's"}]}
    return violations(POLICY, DEPLOYMENT, {"spec": {"template": {"spec": {"containers": [container]}}}})


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_policy_reports_a_plain_variable_with_a_secret_name(name: str) -> None:
    path = "spec.template.spec.containers[0].env[0].value"
    assert in_a_container(name) == [f"one has a secret, according to its name, in plain text: {path}."]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_policy_accepts_a_plain_variable_with_another_name(name: str) -> None:
    assert not in_a_container(name)


def test_policy_accepts_names_of_kubernetes_secrets() -> None:
    annotations = {"service.beta.kubernetes.io/oci-load-balancer-tls-secret": "certificate"}
    assert not violations(POLICY, SERVICE, service(annotations))
    source = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "app", "key": "token"}}}
    assert not violations(POLICY, "kubernetes:core/v1:Pod", {"spec": {"containers": [{"name": "a", "env": [source]}]}})


@pytest.mark.parametrize("inputs", [{"stdin": "anything"}, {"environment": {"NAME": "value"}}])
def test_policy_requires_secret_input_of_commands(inputs: Mapping[str, Any]) -> None:
    assert violations(POLICY, COMMAND, inputs)
    assert not violations(
        POLICY, COMMAND, {"stdin": SecretText("anything"), "environment": {"NAME": SecretText("value")}}
    )
    assert not violations(POLICY, COMMAND, {"stdin": UNKNOWN, "create": "true"})


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
def test_policy_accepts_what_only_sounds_like_a_secret(inputs: Mapping[str, Any]) -> None:
    assert not violations(POLICY, COMMAND, inputs)
