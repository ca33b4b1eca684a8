"""The pure parts of the emulated kubernetes provider: types, inputs, differences, replacements, names."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kubernetes_provider import apply, names, sdk
from sandbox.kubernetes_provider.check import problems
from sandbox.kubernetes_provider.diff import changes
from sandbox.kubernetes_provider.errors import ProviderError, UnsupportedError
from sandbox.kubernetes_provider.normalize import normalized, pruned, quantity
from sandbox.kubernetes_provider.objects import UNKNOWN
from sandbox.kubernetes_provider.replacement import replacing
from sandbox.kubernetes_provider.resource_types import kind_of

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment"}
SERVICE = {"apiVersion": "v1", "kind": "Service"}
CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
SECRET = {"apiVersion": "v1", "kind": "Secret"}


def urn(token: str, parent: str = "") -> str:
    return f"urn:pulumi:test::project::{parent}{token}::name"


# --- types and inputs ------------------------------------------------------------------------------------------------------------


def test_a_child_of_a_component_has_its_own_type() -> None:
    assert str(kind_of(urn("kubernetes:apps/v1:Deployment", "app:index:App$"))) == "apps/v1/Deployment"


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:yaml:ConfigFile",
        "kubernetes:core/v1:NamespacePatch",
        "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "kubernetes:example.com/v1:Widget",
        "kubernetes:apps/v9:Deployment",
    ],
)
def test_unsupported_type_is_reported(token: str) -> None:
    with pytest.raises(UnsupportedError, match="not supported by the sandbox's emulation of"):
        kind_of(urn(token))


def test_a_list_is_refused_as_in_the_official_plugin() -> None:
    with pytest.raises(ProviderError, match="cannot be created directly"):
        kind_of(urn("kubernetes:core/v1:SecretList"))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": 1}, ["spec.type must be a string, not a number"]),
        ({"ports": [{"port": "80"}]}, ["spec.ports[0].port must be a whole number, not a string"]),
        ({"ports": [{"targetPort": "http"}]}, ["spec.ports[0].port is required and missing"]),
        ({"selector": {"app": True}}, ["spec.selector.app must be a string, not a boolean"]),
        ({"ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8080}]}, []),
        ({"type": UNKNOWN, "selector": UNKNOWN}, []),
    ],
)
def test_inputs_are_checked_against_the_sdk_with_their_path(spec: dict[str, Any], expected: list[str]) -> None:
    assert list(problems({**SERVICE, "spec": spec}, sdk.inputs("kubernetes:core/v1:Service"))) == expected


def test_every_property_of_the_kinds_that_the_program_uses_can_be_read_from_the_sdk() -> None:
    def walk(fields: Any, seen: set[str]) -> None:
        for field in fields.values():
            kind = field.type
            while isinstance(kind, sdk.ListOf | sdk.MapOf):
                kind = kind.element
            if isinstance(kind, sdk.Structure) and f"{kind.module}.{kind.name}" not in seen:
                seen.add(f"{kind.module}.{kind.name}")
                walk(kind.fields, seen)

    for token in (
        "core/v1:Service",
        "apps/v1:Deployment",
        "core/v1:PersistentVolumeClaim",
        "networking.k8s.io/v1:NetworkPolicy",
    ):
        walk(sdk.inputs(f"kubernetes:{token}"), set())


# --- normal form -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("0.5Gi", "512Mi"),
        ("50Gi", "50Gi"),
        ("1500m", "1500m"),
        ("1000", "1k"),
        ("1024", "1024"),
        (2, "2"),
        ("0", "0"),
        ("much", "much"),
    ],
)
def test_a_quantity_has_one_form(written: Any, canonical: str) -> None:
    assert quantity(written) == canonical


def test_values_that_the_api_server_drops_are_no_difference_and_those_it_keeps_are() -> None:
    spec = {
        "hostNetwork": False,
        "automountServiceAccountToken": False,
        "nodeSelector": {},
        "initContainers": [],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    assert normalized({"spec": spec})["spec"] == {
        "automountServiceAccountToken": False,
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def test_a_label_that_is_called_like_a_field_is_kept() -> None:
    labels = {"metadata": {"labels": {"protocol": "", "paused": ""}}}
    assert normalized(labels) == labels


def test_string_data_of_a_secret_becomes_data_over_what_is_there() -> None:
    given = {**SECRET, "data": {"a": "b2xk", "b": "Yg=="}, "stringData": {"a": "new"}}
    assert normalized(given) == {**SECRET, "data": {"a": "bmV3", "b": "Yg=="}}


def test_only_what_the_inputs_say_is_compared() -> None:
    live = {"spec": {"a": 1, "status": 2, "list": [{"x": 1, "y": 2}, {"x": 3}]}}
    assert pruned(live, {"spec": {"a": 5, "list": [{"x": 9}]}}) == {"spec": {"a": 1, "list": [{"x": 1}]}}


# --- differences -----------------------------------------------------------------------------------------------------------------


def differences(kind: dict[str, str], old: Any, new: Any, **mutable: bool) -> dict[str, str]:
    paths = replacing({**kind, **new}, mutable.get("secret", False), False)
    return {c.place: c.what + ("_REPLACE" if c.replaces else "") for c in changes(old, new, paths)}


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        (DEPLOYMENT, {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, {"spec.replicas": "UPDATE"}),
        (
            DEPLOYMENT,
            {"spec": {"selector": {"matchLabels": {"a": "b"}}}},
            {"spec": {"selector": {"matchLabels": {"a": "c"}}}},
            {"spec.selector.matchLabels.a": "UPDATE_REPLACE"},
        ),
        (
            DEPLOYMENT,
            {"spec": {"template": {"spec": {"containers": [{"image": "a", "args": ["x"]}]}}}},
            {"spec": {"template": {"spec": {"containers": [{"image": "b"}, {"image": "c"}]}}}},
            {
                "spec.template.spec.containers[0].image": "UPDATE",
                "spec.template.spec.containers[0].args": "DELETE",
                "spec.template.spec.containers[1]": "ADD",
            },
        ),
        (
            CLAIM,
            {"spec": {"accessModes": ["a"]}},
            {"spec": {"accessModes": ["b"]}},
            {"spec.accessModes[0]": "UPDATE_REPLACE"},
        ),
        (
            CLAIM,
            {"spec": {"resources": {"a": "1"}}},
            {"spec": {"resources": {"a": "2"}}},
            {"spec.resources.a": "UPDATE"},
        ),
        (CLAIM, {"spec": {}}, {"spec": {"storageClassName": ""}}, {"spec.storageClassName": "ADD_REPLACE"}),
        (SERVICE, {"spec": {"type": "a"}}, {"spec": {"type": "b"}}, {"spec.type": "UPDATE"}),
        (SERVICE, {"spec": {"clusterIP": "a"}}, {"spec": {"clusterIP": UNKNOWN}}, {"spec.clusterIP": "UPDATE_REPLACE"}),
        (SERVICE, {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, {"metadata.name": "UPDATE_REPLACE"}),
        (SERVICE, {}, {"metadata": {"annotations": {"a.b/c": "d"}}}, {"metadata": "ADD"}),
        (
            SERVICE,
            {"metadata": {"annotations": {}}},
            {"metadata": {"annotations": {"a.b/c": "d"}}},
            {'metadata.annotations["a.b/c"]': "ADD"},
        ),
        (SERVICE, {"a": True}, {"a": 1}, {"a": "UPDATE"}),
        (SECRET, {"data": {"a": "b"}}, {"data": {"a": "c"}}, {"data.a": "UPDATE_REPLACE"}),
        (SECRET, {"type": "a"}, {"type": "b"}, {"type": "UPDATE_REPLACE"}),
    ],
)
def test_diff_lists_paths_and_replacements(kind: Any, old: Any, new: Any, expected: Any) -> None:
    assert differences(kind, old, new) == expected


def test_secret_updates_in_place_if_configured_as_mutable() -> None:
    old, new = {"data": {"a": "b"}}, {"data": {"a": "c"}}
    assert differences(SECRET, old, new, secret=True) == {"data.a": "UPDATE"}
    fixed = {**new, "immutable": True}
    assert differences(SECRET, {**old, "immutable": True}, fixed, secret=True) == {"data.a": "UPDATE_REPLACE"}


# --- names, timeouts, managers ---------------------------------------------------------------------------------------------------


def test_a_made_up_name_is_the_same_for_the_same_seed() -> None:
    made = [names.with_name({"metadata": {}}, "app", b"seed", None) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0]["metadata"]["annotations"] == {names.AUTONAMED: "true"}
    assert names.with_name({"metadata": {"name": "own"}}, "app", b"seed", None) == {"metadata": {"name": "own"}}
    assert names.with_name({"metadata": {"name": UNKNOWN}}, "app", b"seed", None) == {"metadata": {"name": UNKNOWN}}


def test_the_engines_configuration_of_names_counts() -> None:
    assert names.with_name({"metadata": {}}, "app", b"", names.Autonaming("proposed"))["metadata"]["name"] == "proposed"
    with pytest.raises(ProviderError, match="autonaming is disabled"):
        names.with_name({"metadata": {}}, "app", b"", names.Autonaming(disabled=True))


def test_a_timeout_is_the_options_then_the_annotations_then_ten_minutes() -> None:
    annotated = {"metadata": {"annotations": {names.TIMEOUT_SECONDS: "30"}}}
    assert (names.timeout(5, annotated), names.timeout(0, annotated), names.timeout(0, {})) == (5, 30, 600)


def test_fields_of_the_creating_manager_pass_to_the_resources_own() -> None:
    created = {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:spec": {"f:a": {}}}}
    status = {"manager": "kubectl", "operation": "Update", "subresource": "status", "fieldsV1": {}}
    own = {"manager": "me", "operation": "Apply", "fieldsV1": {"f:spec": {"f:b": {}}}}
    assert apply.taken_over([status, own], "me") is None
    assert apply.taken_over([created, status], "me") == [status, {**created, "manager": "me", "operation": "Apply"}]
    joined = apply.taken_over([created, own], "me")
    assert joined == [{**own, "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {}}}}]


def test_ignored_fields_keep_their_live_values() -> None:
    entry = {"manager": "autoscaler", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    live = {"metadata": {"managedFields": [entry]}, "spec": {"replicas": 5}}
    inputs = {"spec": {"replicas": 1}}
    assert apply.without_ignored(inputs, live, "me", ["spec.replicas"]) == {"spec": {}}
    entry["manager"] = "me"
    assert apply.without_ignored(inputs, live, "me", ["spec.replicas"]) == {"spec": {"replicas": 5}}
