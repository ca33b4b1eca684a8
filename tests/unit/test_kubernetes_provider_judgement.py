"""The pure parts of the emulated kubernetes provider: what counts as ready, what is secret, and how it is configured."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.kubernetes_provider import kubeconfig, rollout, settings, wire
from sandbox.kubernetes_provider.errors import ProviderError, UnreachableError, UnsupportedError
from sandbox.kubernetes_provider.exec_credentials import ExecCredentials
from sandbox.kubernetes_provider.objects import UNKNOWN
from sandbox.kubernetes_provider.pods import look
from sandbox.kubernetes_provider.server import _hider
from sandbox.kubernetes_provider.service import Watched

SECRET = {"apiVersion": "v1", "kind": "Secret"}


# --- ready -----------------------------------------------------------------------------------------------------------------------


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "n", "ownerReferences": [{"uid": "rs"}]}, "status": status}


def conditions(**values: str) -> list[dict[str, str]]:
    return [{"type": name, "status": value} for name, value in values.items()]


CRASHING = {
    "name": "app",
    "ready": False,
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
    "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}},
}


def test_pod_status_explains_why_it_does_not_run() -> None:
    started = conditions(PodScheduled="True", Initialized="True", Ready="False")
    crash = look(pod(conditions=started, containerStatuses=[CRASHING]))
    assert crash.problem == (
        "[Pod n/p]: [CrashLoopBackOff] back-off 10s\n"
        'container "app" terminated at 2026-01-01T00:00:00Z (Error: exit code 1)'
    )
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    assert look(pod(conditions=[unscheduled])).problem == "0/1 nodes"
    creating = {"name": "app", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert look(pod(conditions=started, containerStatuses=[creating])).problem == ""
    assert look(pod(conditions=conditions(PodScheduled="True", Initialized="True", Ready="True"))).ready


def deployment(
    revision: str = "1", observed: int = 2, available: str = "True", reason: str = "NewReplicaSetAvailable"
) -> Any:
    conditions = [
        {"type": "Available", "status": available},
        {"type": "Progressing", "status": "True", "reason": reason},
    ]
    return {
        "metadata": {
            "name": "app",
            "uid": "d",
            "generation": 2,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {
            "replicas": 1,
            "template": {"spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}},
        },
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


def replica_set(revision: str = "1", ready: int = 1, wanted: int = 1) -> Any:
    return {
        "metadata": {
            "uid": "rs",
            "ownerReferences": [{"uid": "d"}],
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": wanted},
        "status": {"readyReplicas": ready},
    }


def test_a_rollout_is_done_when_the_current_replica_set_is_ready() -> None:
    assert rollout.progress(deployment(), [replica_set()], [], []).done
    assert rollout.progress(deployment("2"), [replica_set("2")], [], []).done


@pytest.mark.parametrize(
    ("it", "sets"),
    [
        (deployment(observed=1), [replica_set()]),
        (deployment(available="False"), [replica_set()]),
        (deployment(), [replica_set(ready=0)]),
        (deployment(), []),
        (deployment("2", reason="ReplicaSetUpdated"), [replica_set("2")]),
        (deployment("2"), [replica_set("1")]),
        # Recreate: the old ReplicaSet is on its way to nothing, and the new one is not there yet.
        (deployment("1"), [replica_set("1", ready=1, wanted=0)]),
    ],
)
def test_a_rollout_under_way_is_not_done(it: Any, sets: list[Any]) -> None:
    assert not rollout.progress(it, sets, [], []).done


def test_a_rollout_waits_for_the_claims_that_it_uses_and_names_the_pods_reason() -> None:
    claims = [{"metadata": {"name": "data"}, "status": {"phase": "Pending"}}, {"metadata": {"name": "other"}}]
    stuck = pod(
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}]
    )
    progress = rollout.progress(deployment(), [replica_set()], [stuck], claims)
    assert not progress.done
    assert progress.reasons == ['Failed to bind PersistentVolumeClaim(s): "data"', "no node"]


def test_service_is_ready_ten_seconds_after_its_last_endpoint_change() -> None:
    now = [0.0]
    watched = Watched(lambda: now[0])
    spec = {"spec": {"type": "LoadBalancer", "selector": {"app": "a"}}}
    ready = {"metadata": {"resourceVersion": "1"}, "subsets": [{"addresses": [{}]}]}
    watched.saw(spec, ready)
    assert watched.reasons == ["Service was not allocated an IP address; does your cloud provider support this?"]
    addressed = {**spec, "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}
    now[0] = 9
    watched.saw(addressed, ready)
    assert not watched.done
    now[0] = 10
    watched.saw(addressed, ready)
    assert watched.done
    watched.saw(addressed, {"metadata": {"resourceVersion": "2"}, "subsets": [{"notReadyAddresses": [{}]}]})
    assert not watched.done
    assert not watched.good_enough


def test_a_service_without_pods_needs_none() -> None:
    for spec in ({"clusterIP": "None", "selector": {"a": "b"}}, {"type": "ExternalName"}, {}):
        watched = Watched(lambda: 0.0)
        watched.saw({"spec": spec}, None)
        assert watched.done


# --- secrets ---------------------------------------------------------------------------------------------------------------------


def test_secret_inputs_are_secret_in_the_live_object() -> None:
    hidden = PropertyValue("x").with_secret(True)
    given = {
        "spec": PropertyValue({"plain": PropertyValue("a"), "list": PropertyValue([PropertyValue({"value": hidden})])})
    }
    live = wire.from_object({"spec": {"plain": "a", "list": [{"value": "x"}], "added": "b"}})
    marked: Any = wire.like(live, given)["spec"].value
    assert [name for name, value in marked.items() if value.is_secret] == ["list"]


def test_secret_data_is_secret_and_absent_from_messages() -> None:
    state = wire.checkpoint(
        {**SECRET, "data": {"a": "c2VjcmV0"}}, {**SECRET, "data": {"a": "c2VjcmV0"}}, {}, "v1", "me"
    )
    inputs: Any = state[wire.INPUTS].value
    assert state["data"].is_secret
    assert inputs["data"].is_secret
    assert _hider(list(wire.secret_texts(state)))('"c2VjcmV0" is not good') == '"[secret]" is not good'


# --- configuration ---------------------------------------------------------------------------------------------------------------


def config(server: str, **context: str) -> dict[str, Any]:
    return {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", **context}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }


def test_a_kubeconfig_is_contents_or_a_path(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(config("https://a")))
    assert kubeconfig.parse(str(file)) == kubeconfig.parse(file.read_text()) == config("https://a")
    with pytest.raises(ProviderError) as refused:
        kubeconfig.parse("token: hunter2: [")
    assert "hunter2" not in str(refused.value)


def test_the_namespace_is_the_providers_then_the_contexts_then_default() -> None:
    assert kubeconfig.access(config("s")).namespace == "default"
    assert kubeconfig.access(config("s", namespace="mine")).namespace == "mine"
    assert kubeconfig.access(config("s", namespace="mine"), namespace="given").namespace == "given"
    with pytest.raises(ProviderError, match='context "b" does not exist'):
        kubeconfig.access(config("s"), context="b")


def test_paths_in_a_found_kubeconfig_begin_at_its_folder(tmp_path: Path) -> None:
    found = config("s")
    found["users"][0]["user"] = {"client-key": "key.pem", "exec": {"command": "./login"}}
    (tmp_path / "config").write_text(json.dumps(found))
    user = kubeconfig.ambient({"KUBECONFIG": str(tmp_path / "config")})["users"][0]["user"]
    assert user == {"client-key": str(tmp_path / "key.pem"), "exec": {"command": str(tmp_path / "login")}}


def test_login_command_is_cleaned_and_then_looked_up_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def token(command: str) -> Any:
        spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never"}
        return ExecCredentials(spec, {}).status()["token"]

    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "of-bin"}}
    (tmp_path / "bin").mkdir()
    for login in (tmp_path / "our-login", tmp_path / "bin" / "our-login"):
        login.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
        login.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert token("bin/our-login") == token("./bin/our-login") == "of-bin"
    with pytest.raises(UnreachableError, match="getting credentials: exec: executable our-login not found"):
        token("./our-login")
    with pytest.raises(UnreachableError, match="exec: fork/exec sbin/our-login: No such file"):
        token("sbin/our-login")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert token("our-login") == "of-bin"


def test_another_cluster_replaces_the_provider_and_another_login_does_not() -> None:
    old, other = json.dumps(config("https://a")), json.dumps(config("https://b"))
    login = json.dumps({**config("https://a"), "users": []})
    assert settings.diff({"kubeconfig": old}, {"kubeconfig": other}).replaces == ["kubeconfig"]
    assert settings.diff({"kubeconfig": old}, {"kubeconfig": login}) == settings.ConfigDiff(["kubeconfig"], [])
    assert settings.diff({"kubeconfig": old}, {"kubeconfig": UNKNOWN}).replaces == ["kubeconfig"]
    same = {"clusterIdentifier": "x"}
    assert settings.diff({"kubeconfig": old, **same}, {"kubeconfig": other, **same}).replaces == []


def test_configuration_counts_before_the_environment() -> None:
    environment = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
    assert settings.read({}, environment).delete_unreachable
    assert not settings.read({"kubernetes:config:deleteUnreachable": "false"}, environment).delete_unreachable
    with pytest.raises(UnsupportedError):
        settings.read({"kubernetes:config:enableServerSideApply": "false"}, {})
    with pytest.raises(UnsupportedError):
        settings.read({"kubernetes:config:renderYamlToDirectory": "out"}, {})
