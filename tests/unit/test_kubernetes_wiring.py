"""What the program asks Pulumi for with target kubernetes: resources, order, what is retained, what is secret, outputs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pulumi.runtime import rpc

from tests.unit.kubernetes_values import certificate, kubernetes_stack
from tests.unit.recorded_program import Asked, Run, run_program

__all__ = ["kubernetes_stack"]

APP = {
    "namespace",
    "pull-secret",
    "files",
    "claim",
    "network-policy",
    "deployment",
    "service",
}
EXISTING = {
    "clusterId": "ocid1.cluster.oc1.x.theirs",
    "loadBalancerSubnetId": "ocid1.subnet.oc1.x.theirs",
    "apiNetworks": [],
}


@pytest.fixture
def made(kubernetes_stack: dict[str, Any]) -> Run:
    return run_program(kubernetes_stack)


def before(run: Run, name: str) -> set[str]:
    """All that has to be there before a resource, and is deleted after it."""
    found: set[str] = set()
    left = [name]
    while left:
        asked = run.resources.get(left.pop())
        new = (asked.needs if asked else frozenset()) - found
        found |= new
        left += new
    return found


def is_secret(asked: Asked, *path: str) -> bool:
    """Is the property, or one that holds it, marked as secret on its way to the engine?"""
    value = asked.options.object
    for part in path:
        fields = value.fields if hasattr(value, "fields") else value.struct_value.fields
        value = fields[part]
        if value.struct_value.fields.get(rpc._special_sig_key) is not None:
            return str(value.struct_value.fields[rpc._special_sig_key].string_value) == rpc._special_secret_sig
    return False


def test_the_app_and_its_cluster_are_made_and_nothing_of_an_instance(made: Run) -> None:
    assert {f"jupyterlab-{name}" for name in APP} <= set(made.resources)
    kinds = {asked.type for asked in made.resources.values()}
    assert {"oci:ContainerEngine/cluster:Cluster", "oci:ContainerEngine/nodePool:NodePool"} <= kinds
    assert not kinds & {"oci:Core/instance:Instance", "command:remote:Command", "oci:Core/volume:Volume"}


def test_a_cluster_of_ones_own_is_used_with_its_network(kubernetes_stack: dict[str, Any]) -> None:
    run = run_program({**kubernetes_stack, **EXISTING})
    assert {asked.type.split(":")[0] for asked in run.resources.values()} == {
        "oci",
        "docker-build",
        "kubernetes",
        "pulumi",
    }
    assert [asked.type for asked in run.resources.values() if asked.type.startswith("oci:")] == [
        "oci:Artifacts/containerRepository:ContainerRepository"
    ]
    annotations = run.resources["jupyterlab-service"].inputs["metadata"]["annotations"]
    assert annotations["service.beta.kubernetes.io/oci-load-balancer-subnet1"] == "ocid1.subnet.oc1.x.theirs"
    assert "oci.oraclecloud.com/oci-network-security-groups" not in annotations


def test_the_cluster_is_a_basic_one_with_one_always_free_node(made: Run) -> None:
    cluster, pool = made.resources["jupyterlab-cluster"].inputs, made.resources["jupyterlab-nodes"].inputs
    assert cluster["type"] == "BASIC_CLUSTER"
    assert cluster["kubernetesVersion"] == pool["kubernetesVersion"] == "v1.34.1"
    assert pool["nodeShapeConfig"] == {"ocpus": 2, "memoryInGbs": 12}
    assert pool["nodeConfigDetails"]["size"] == 1
    assert pool["nodeSourceDetails"]["imageId"] == "ocid1.image.node"


def test_a_pool_ends_within_the_providers_time_whatever_its_pods_do(made: Run) -> None:
    settings = made.resources["jupyterlab-nodes"].inputs["nodeEvictionNodePoolSettings"]
    # The provider waits for 50 minutes (containerengine_node_pool_resource.go).
    assert int(settings["evictionGraceDuration"].removeprefix("PT").removesuffix("M")) < 50
    assert settings["isForceDeleteAfterGraceDuration"]


def test_newer_versions_and_images_change_nothing_until_a_version_is_asked_for(
    kubernetes_stack: dict[str, Any], made: Run
) -> None:
    asked = run_program({**kubernetes_stack, "kubernetesVersion": "v1.34.1"})
    for name in ("jupyterlab-cluster", "jupyterlab-nodes"):
        assert list(made.resources[name].options.ignoreChanges)
        assert not list(asked.resources[name].options.ignoreChanges)


def test_the_service_goes_before_the_network_the_nodes_and_the_cluster(made: Run) -> None:
    provider = made.resources["jupyterlab-kubernetes"]
    assert {"jupyterlab-cluster", "jupyterlab-nodes"} <= before(made, "jupyterlab-kubernetes")
    rules = {name for name, asked in made.resources.items() if asked.type.endswith("SecurityRule")}
    assert rules <= before(made, "jupyterlab-service")
    assert {"jupyterlab-load-balancer-subnet", "jupyterlab-deployment"} <= before(made, "jupyterlab-service")
    assert rules <= before(made, "jupyterlab-kubernetes")
    for name, asked in made.resources.items():
        if asked.type.startswith("kubernetes:"):
            assert "jupyterlab-kubernetes" in asked.options.provider, name
    assert provider.inputs["deleteUnreachable"] in (True, "true")
    assert provider.inputs["upsertExistingObjects"] in (True, "true")


def test_no_pod_runs_without_the_policy_its_secrets_and_its_data(made: Run) -> None:
    names = ("network-policy", "pull-secret", "files", "claim", "namespace", "index")
    assert {f"jupyterlab-{name}" for name in names} <= before(made, "jupyterlab-deployment")


def test_destroy_keeps_claim_and_namespace_by_default(kubernetes_stack: dict[str, Any], made: Run) -> None:
    kept = {name for name, asked in made.resources.items() if asked.retained}
    assert kept == {"jupyterlab-claim", "jupyterlab-namespace"}
    run = run_program({**kubernetes_stack, "retainClaim": False})
    assert not {name for name, asked in run.resources.items() if asked.retained}


def test_the_claim_adopts_a_retained_volume(kubernetes_stack: dict[str, Any]) -> None:
    run = run_program({**kubernetes_stack, "dataVolumeId": "ocid1.volume.oc1.x.kept"})
    volume, claim = run.resources["jupyterlab-volume"].inputs, run.resources["jupyterlab-claim"].inputs
    assert volume["spec"]["csi"]["volumeHandle"] == "ocid1.volume.oc1.x.kept"
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["claimRef"]["uid"] == "of-jupyterlab-data"
    # Kubernetes keeps a bound volume until its claim is gone: the one must not wait for the other.
    assert "jupyterlab-claim" not in before(run, "jupyterlab-volume")
    assert run.outputs["dataVolumeId"] == "ocid1.volume.oc1.x.kept"


def test_what_cannot_be_changed_on_a_load_balancer_makes_another(kubernetes_stack: dict[str, Any], made: Run) -> None:
    def trigger(run: Run) -> bytes:
        value: bytes = run.resources["jupyterlab-service"].options.replacement_trigger.SerializeToString(
            deterministic=True
        )
        return value

    pem, key = certificate()
    public = {"tlsCertificate": pem, "tlsPrivateKey": key, "loadBalancerInternal": False}
    assert trigger(run_program({**kubernetes_stack, **public})) != trigger(made)
    assert trigger(run_program({**kubernetes_stack, **EXISTING})) != trigger(made)
    assert trigger(run_program({**kubernetes_stack, "loadBalancerMaxMbps": 100})) == trigger(made)


def test_login_and_files_reach_the_cluster_as_secrets_alone(made: Run) -> None:
    login = made.resources["jupyterlab-pull-secret"]
    data = rpc.unwrap_rpc_secret(login.inputs["data"])
    auth = json.loads(base64.b64decode(rpc.unwrap_rpc_secret(data[".dockerconfigjson"])))["auths"]
    assert auth["ocir.eu-frankfurt-1.oci.oraclecloud.com"]["username"] == "ns/me"
    assert is_secret(login, "data", ".dockerconfigjson")
    assert is_secret(made.resources["jupyterlab-files"], "data")


def test_neither_password_nor_token_is_in_any_other_input_or_output(made: Run) -> None:
    secrets = ("correct horse", "token-of-mine")
    for name, asked in made.resources.items():
        if name not in ("jupyterlab-pull-secret", "jupyterlab-arm64", "jupyterlab-amd64", "jupyterlab-index"):
            assert not any(secret in json.dumps(asked.inputs, default=str) for secret in secrets), name
    assert not any(secret in json.dumps(made.outputs, default=str) for secret in secrets)


def test_with_a_certificate_the_load_balancer_listens_on_443_and_the_key_is_a_secret(
    kubernetes_stack: dict[str, Any],
) -> None:
    pem, key = certificate()
    run = run_program({**kubernetes_stack, "tlsCertificate": pem, "tlsPrivateKey": key})
    service, tls = run.resources["jupyterlab-service"], run.resources["jupyterlab-tls"]
    assert service.inputs["spec"]["ports"][0]["port"] == 443
    annotation = service.inputs["metadata"]["annotations"]["service.beta.kubernetes.io/oci-load-balancer-tls-secret"]
    assert annotation == tls.inputs["metadata"]["name"]
    assert is_secret(tls, "data", "tls.key")
    assert "jupyterlab-tls" in service.needs
    assert run.outputs["loadBalancerUrl"] == "https://10.0.2.7:443"
    assert run.resources["jupyterlab-load-balancer-from-10.0.0.0-16"].inputs["tcpOptions"] == {
        "destinationPortRange": {"min": 443, "max": 443}
    }


def test_the_outputs_have_the_ways_to_the_app(made: Run) -> None:
    outputs = made.outputs
    assert outputs["url"] == "http://127.0.0.1:8888"
    assert outputs["health"] == "http://127.0.0.1:8888/api"
    assert outputs["loadBalancerAddress"] == "10.0.2.7"
    assert outputs["tunnel"].startswith(outputs["kubeconfig"] + " && kubectl ")
    assert outputs["image"].endswith("@sha256:" + "0" * 64)
    assert outputs["dataVolumeId"] == "ocid1.volume.of.jupyterlab-oke.jupyterlab-data"
    assert set(outputs) >= {"clusterId", "namespace", "repositoryId", "loadBalancerUrl"}
    assert "ssh" not in outputs


def test_another_target_makes_another_vcn_and_another_load_balancer_does_not(
    values: dict[str, Any], kubernetes_stack: dict[str, Any], made: Run
) -> None:
    def trigger(run: Run) -> str:
        return str(run.resources["jupyterlab-vcn"].options.replacement_trigger.string_value)

    pem, key = certificate()
    public = {"tlsCertificate": pem, "tlsPrivateKey": key, "loadBalancerInternal": False}
    assert trigger(run_program(values)) == "instance"
    assert trigger(made) == "kubernetes"
    assert trigger(run_program({**kubernetes_stack, **public})) == "kubernetes"


def test_destroy_keeps_an_instances_data_volume_by_default(values: dict[str, Any]) -> None:
    kept = {name for name, asked in run_program(values).resources.items() if asked.retained}
    assert kept == {"jupyterlab-data"}
    run = run_program({**values, "retainData": False})
    assert not {name for name, asked in run.resources.items() if asked.retained}
    assert run.outputs["retained"] == ""


def test_the_instance_stack_asks_for_nothing_of_kubernetes(values: dict[str, Any]) -> None:
    run = run_program(values)
    assert "oci:Core/instance:Instance" in {asked.type for asked in run.resources.values()}
    assert not [name for name, asked in run.resources.items() if "kubernetes" in asked.type]
