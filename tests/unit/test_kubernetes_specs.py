"""The pure builders of the target kubernetes: manifests, load balancer, cluster network, kubeconfig, certificate."""

from __future__ import annotations

import base64
import ipaddress
import json
import shlex
from dataclasses import replace
from types import SimpleNamespace

import kubernetes_validate
import pytest

from settings.load_balancer import LoadBalancerSettings
from specs import cluster, kubeconfig, kubernetes, load_balancer, secret_files, tls
from specs.cloud_config import DATA_MOUNT
from specs.lookups import NothingFoundError
from specs.network import ANYWHERE, NetworkSpec, SecurityRule
from specs.podman import data_folder
from tests.unit.kubernetes_values import APP, LOAD_BALANCER, certificate, kubernetes_settings

IMAGE = "host/ns/app@sha256:" + "0" * 64
LOGIN = kubernetes.docker_config("host", "ns/me", "token")
ANNOTATIONS = load_balancer.service_annotations(LOAD_BALANCER, "ocid1.subnet.one", "ocid1.networksecuritygroup.one")
CONTENT = kubernetes.Content(
    image=IMAGE,
    registry_login=LOGIN,
    files={"password-hash": kubernetes.encode("argon2:…")},
    tls_certificate=kubernetes.encode("-"),
    tls_private_key=kubernetes.encode("-"),
    annotations=ANNOTATIONS,
)
ADOPTING = replace(APP, volume_id="ocid1.volume.one")
MANIFESTS = [
    *kubernetes.manifests(ADOPTING, replace(LOAD_BALANCER, tls_secret="app-tls"), CONTENT).values(),
    kubernetes.claim(APP),
]


# The newest that the validator knows; the three newest of OKE are among them.
@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36", "1.37"])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_every_manifest_is_valid_for_the_versions_that_oke_serves(version: str, manifest: kubernetes.Manifest) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_service_has_the_seven_annotations_of_the_article_and_the_groups() -> None:
    prefix = "service.beta.kubernetes.io/oci-load-balancer-"
    assert {
        "oci.oraclecloud.com/load-balancer-type": "lb",
        f"{prefix}internal": "true",
        f"{prefix}shape": "flexible",
        f"{prefix}shape-flex-min": "10",
        f"{prefix}shape-flex-max": "10",
        f"{prefix}security-list-management-mode": "None",
        f"{prefix}subnet1": "ocid1.subnet.one",
        "oci.oraclecloud.com/oci-network-security-groups": "ocid1.networksecuritygroup.one",
    } == ANNOTATIONS


def test_certificate_and_idle_timeout_add_annotations_of_text() -> None:
    settings = LoadBalancerSettings.model_validate({"loadBalancerIdleTimeout": "600"})
    spec = replace(LOAD_BALANCER, settings=settings, tls_secret="app-tls", port=443)
    added = load_balancer.service_annotations(spec, "ocid1.subnet.one", "")
    assert {key.rpartition("/")[2]: value for key, value in added.items() if key not in ANNOTATIONS} == {
        "oci-load-balancer-ssl-ports": "443",
        "oci-load-balancer-tls-secret": "app-tls",
        "oci-load-balancer-connection-idle-timeout": "600",
    }
    assert all(isinstance(value, str) for value in added.values())


@pytest.mark.parametrize("status", [None, {"load_balancer": None}, {"load_balancer": SimpleNamespace(ingress=None)}])
def test_a_service_without_an_address_is_reported_as_such(
    status: dict[str, object] | None, values: dict[str, object]
) -> None:
    found = load_balancer.address(status and SimpleNamespace(**status))
    assert found == load_balancer.NO_ADDRESS
    assert kubernetes_settings({**values, "apiNetworks": ["203.0.113.7/32"]}).load_balancer_url(found) == found


def pod() -> kubernetes.Manifest:
    template: kubernetes.Manifest = kubernetes.deployment(APP, IMAGE)["spec"]["template"]
    return template


def test_the_pod_is_within_the_restricted_profile_and_its_namespace_enforces_it() -> None:
    enforced = kubernetes.namespace(APP)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    spec, (container,) = pod()["spec"], pod()["spec"]["containers"]
    assert enforced == "restricted"
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["automountServiceAccountToken"] is False
    # The kinds of volume which the profile admits (source: Kubernetes, "Pod Security Standards").
    kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
    assert kinds <= {"persistentVolumeClaim", "secret", "emptyDir"}


def test_the_pod_runs_the_digest_always_pulled_with_the_login_of_the_registry() -> None:
    (container,) = pod()["spec"]["containers"]
    assert (container["image"], container["imagePullPolicy"]) == (IMAGE, "Always")
    assert pod()["spec"]["imagePullSecrets"] == [{"name": APP.pull_secret}]
    login = json.loads(base64.b64decode(LOGIN))["auths"]["host"]
    assert base64.b64decode(login["auth"]).decode() == "ns/me:token"


def test_the_environment_cannot_override_port_and_data_folder() -> None:
    (container,) = pod()["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert environment == {
        # A "$$" is a "$" for Kubernetes, which expands $(HOME).
        "GREETING": "it's $$(HOME) & more",
        "PORT": "8888",
        "DATA_PATH": "/jupyter",
        "HOME": "/jupyter",
        "BEHIND_LOAD_BALANCER": "1",
    }


def test_the_pod_mounts_what_it_claims_and_its_files_and_writes_nowhere_else_but_tmp() -> None:
    spec, (container,) = pod()["spec"], pod()["spec"]["containers"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == {"/jupyter", "/etc/app-secrets", "/tmp", "/dev/shm"}
    assert {mount["name"] for mount in mounts.values()} == set(volumes)
    # As on the instance: a folder of the app, which the volume keeps for either target.
    assert mounts["/jupyter"]["subPath"] == data_folder("jupyterlab").removeprefix(f"{DATA_MOUNT}/")
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == kubernetes.claim(APP)["metadata"]["name"]
    assert volumes["files"]["secret"]["secretName"] == APP.files_secret
    assert container["securityContext"]["readOnlyRootFilesystem"]


def test_a_pod_takes_a_limited_part_of_its_nodes_disk_and_memory() -> None:
    limits = pod()["spec"]["containers"][0]["resources"]["limits"]
    sizes = {volume["name"]: volume["emptyDir"] for volume in pod()["spec"]["volumes"] if "emptyDir" in volume}
    assert sizes == {"tmp": {"sizeLimit": "8Gi"}, "shm": {"medium": "Memory", "sizeLimit": "4608Mi"}}
    assert limits == {"cpu": "2", "memory": "9Gi", "ephemeral-storage": "9Gi"}


def test_policy_deployment_and_service_speak_of_the_same_pods() -> None:
    chosen = kubernetes.deployment(APP, IMAGE)["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= pod()["metadata"]["labels"].items()
    assert kubernetes.network_policy(APP)["spec"]["podSelector"]["matchLabels"] == chosen
    assert kubernetes.service(APP, LOAD_BALANCER, {})["spec"]["selector"] == chosen
    assert pod()["metadata"]["labels"]["ver"] == "v1.0.0"


def test_pulumi_does_not_wait_for_a_claim_that_is_bound_already() -> None:
    assert kubernetes.claim(APP)["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_an_object_is_changed_whoever_changed_its_fields_before(manifest: kubernetes.Manifest) -> None:
    assert manifest["metadata"]["annotations"]["pulumi.com/patchForce"] == "true"


def test_another_version_leaves_the_selector_as_it_is() -> None:
    before, after = (kubernetes.deployment(replace(APP, version=version), IMAGE) for version in ("v1", "v2"))
    assert before["spec"]["selector"] == after["spec"]["selector"]


def test_a_long_tag_still_is_a_label() -> None:
    tag = "a" * 62 + "." + "b" * 30
    labels = kubernetes.deployment(replace(APP, version=tag), IMAGE)["spec"]["template"]["metadata"]["labels"]
    assert labels["ver"] == "a" * 62


@pytest.mark.parametrize(("mode", "strategy"), [("ReadWriteOnce", "Recreate"), ("ReadWriteMany", "RollingUpdate")])
def test_a_pod_releases_a_volume_of_one_node_before_the_next_starts(mode: str, strategy: str) -> None:
    manifest = kubernetes.deployment(replace(APP, access_mode=mode), IMAGE)
    assert manifest["spec"]["strategy"] == {"type": strategy}


def test_pods_cannot_reach_metadata_and_only_the_apps_port_is_open() -> None:
    policy = kubernetes.network_policy(APP)["spec"]
    (way_out,) = policy["egress"]
    assert way_out == {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}
    assert policy["ingress"] == [{"ports": [{"port": 8888, "protocol": "TCP"}]}]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}


def test_a_retained_volume_is_bound_to_the_claim_and_kept_when_that_goes() -> None:
    volume, claim = kubernetes.volume(ADOPTING, "uid-of-claim"), kubernetes.claim(ADOPTING)
    assert volume["spec"]["csi"]["volumeHandle"] == "ocid1.volume.one"
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    own = {key: claim["metadata"][key] for key in ("namespace", "name")}
    assert volume["spec"]["claimRef"] == {**own, "uid": "uid-of-claim"}


def test_changed_files_restart_pods_and_the_fingerprint_hides_them() -> None:
    one = secret_files.fingerprint({"users": "me:secret"}, "correct horse", "a/stack")
    assert one != secret_files.fingerprint({"users": "me:other"}, "correct horse", "a/stack")
    # Who guesses the file does not see that the guess is right, without the password.
    assert one != secret_files.fingerprint({"users": "me:secret"}, "another horse", "a/stack")
    assert one == secret_files.fingerprint({"users": "me:secret"}, "correct horse", "a/stack")
    # Two stacks of one password do not show it.
    assert one != secret_files.fingerprint({"users": "me:secret"}, "correct horse", "b/stack")


def network(internal: bool = True) -> NetworkSpec:
    return cluster.cluster_network("10.0.0.0/16", ["203.0.113.7/32"], internal, 8888, ["10.0.0.0/16"])


def rules(direction: str, internal: bool = True) -> dict[str, list[SecurityRule]]:
    return {
        subnet.name: [rule for rule in subnet.rules if rule.direction == direction]
        for subnet in network(internal).subnets
    }


def test_the_cluster_admits_what_oracle_asks_for_and_nothing_more() -> None:
    api, nodes, balancer = (subnet.cidr for subnet in network().subnets)
    inbound = {
        name: {(rule.network, rule.protocol, rule.ports) for rule in found} for name, found in rules("INGRESS").items()
    }
    assert inbound == {
        "api": {
            ("203.0.113.7/32", "6", (6443, 6443)),
            (nodes, "6", (6443, 6443)),
            (nodes, "6", (12250, 12250)),
            (nodes, "1", None),
        },
        "nodes": {
            (nodes, "all", None),
            (api, "6", (10250, 10250)),
            (balancer, "6", (30000, 32767)),
            (balancer, "6", (10256, 10256)),
            (ANYWHERE, "1", None),
        },
        "load-balancer": {("10.0.0.0/16", "6", (8888, 8888))},
    }


@pytest.mark.parametrize("internal", [True, False])
def test_what_one_subnet_sends_to_another_is_let_in_there(internal: bool) -> None:
    subnets = {subnet.cidr: subnet.name for subnet in network(internal).subnets}
    outbound, inbound = rules("EGRESS", internal), rules("INGRESS", internal)
    for source, name in subnets.items():
        for rule in outbound[name]:
            if rule.network in subnets:
                met = [
                    other
                    for other in inbound[subnets[rule.network]]
                    if ipaddress.IPv4Network(source).subnet_of(ipaddress.IPv4Network(other.network))
                    and (other.protocol, other.ports) == (rule.protocol, rule.ports)
                ]
                assert met, rule


def test_every_rule_has_a_sentence_and_a_name_of_its_own() -> None:
    found = [rule for subnet in network().subnets for rule in subnet.rules]
    assert all(rule.description for rule in found)
    assert len({rule.name for rule in found}) == len(found)


@pytest.mark.parametrize("vcn", ["10.0.0.0/16", "10.0.4.0/22", "172.16.0.0/18"])
def test_the_subnets_lie_in_the_vcn_and_apart_from_each_other(vcn: str) -> None:
    cut = cluster.ranges(vcn)
    networks = [ipaddress.IPv4Network(part) for part in (cut.api, cut.nodes, cut.internal, cut.public)]
    assert all(part.subnet_of(ipaddress.IPv4Network(vcn)) for part in networks)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)


def test_nodes_and_an_internal_load_balancer_have_no_public_address() -> None:
    assert [subnet.is_public for subnet in network().subnets] == [True, False, False]
    assert [subnet.is_public for subnet in network(internal=False).subnets] == [True, False, True]


def test_the_newest_version_is_the_highest_number_not_the_last_word() -> None:
    assert cluster.newest_version(["v1.9.9", "v1.34.1", "v1.33.10", "v1.34.0"]) == "v1.34.1"


def image_name(release: str, date: str, build: int, version: str = "1.34.1") -> str:
    return f"Oracle-Linux-{release}-aarch64-{date}-0-OKE-{version}-{build}"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (image_name("8.9", "2026.03.01", 1400), image_name("8.10", "2026.02.28", 1330)),
        (image_name("8.10", "2026.9.30", 1500), image_name("8.10", "2026.10.01", 1400)),
        (image_name("8.10", "2026.02.28", 999), image_name("8.10", "2026.02.28", 1330)),
    ],
    ids=["release", "date", "build"],
)
def test_the_newest_node_image_is_by_release_then_date_then_build(older: str, newer: str) -> None:
    for names in ((older, newer), (newer, older)):
        assert cluster.node_image([(name, name) for name in names], "v1.34.1") == newer


def test_the_nodes_image_is_for_arm_and_the_clusters_version() -> None:
    sources = [
        ("Oracle-Linux-8.10-2026.03.01-0-OKE-1.34.1-1400", "amd"),
        ("Oracle-Linux-8.10-Gen2-GPU-2026.03.01-0-OKE-1.34.1-1400", "gpu"),
        (image_name("8.10", "2026.02.28", 1330), "arm"),
        (image_name("8.10", "2026.03.01", 1400, "1.33.10"), "another version"),
        (image_name("8.10", "2026.03.01", 1400, "1.33.9"), "an older version"),
    ]
    assert cluster.node_image(sources, "v1.34.1") == "arm"
    with pytest.raises(
        NothingFoundError, match=r"Kubernetes v1\.30\.1\n    pulumi config set kubernetesVersion v1\.34\.1$"
    ):
        cluster.node_image(sources, "v1.30.1")


OF_CLOUD = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: TFMw}}]
users: [{name: u, user: {exec: {command: oci, args: [ce, cluster, generate-token], env: []}}}]
"""


def test_the_kubeconfig_has_no_secret_and_no_path_of_a_machine() -> None:
    document = json.loads(kubeconfig.kubeconfig(OF_CLOUD, "ocid1.cluster.one", "eu-frankfurt-1"))
    assert document["clusters"][0]["cluster"] == {
        "server": "https://192.0.2.1:6443",
        "certificate-authority-data": "TFMw",
    }
    user = document["users"][0]["user"]
    assert set(user) == {"exec"}
    assert user["exec"]["command"] == "operations/kube-token"
    assert user["exec"]["args"] == ["ocid1.cluster.one", "--region", "eu-frankfurt-1"]


def test_the_profile_of_the_stack_is_the_credentials_too() -> None:
    document = json.loads(kubeconfig.kubeconfig(OF_CLOUD, "ocid1.cluster.one", "eu-frankfurt-1", "work"))
    assert document["users"][0]["user"]["exec"]["args"][-2:] == ["--profile", "work"]


def test_an_answer_that_is_no_kubeconfig_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"ocid1\.cluster\.one is not a kubeconfig"):
        kubeconfig.kubeconfig("", "ocid1.cluster.one", "eu-frankfurt-1")


def test_the_tunnel_writes_its_kubeconfig_and_forwards_to_the_service() -> None:
    given = kubeconfig.kubeconfig(OF_CLOUD, "ocid1.cluster.one", "eu-frankfurt-1")
    write, _, forward = kubeconfig.tunnel_command(given, "oke", "app-oke", "app", (8888, 443)).partition(" && ")
    words = shlex.split(write)
    assert words[:2] == ["printf", "%s"]
    assert json.loads(words[2]) == json.loads(given)
    assert words[3] == ">.kubeconfig-oke"
    assert forward == "kubectl --kubeconfig .kubeconfig-oke --namespace app-oke port-forward service/app 8888:443"


def test_another_certificate_has_another_secret() -> None:
    (one, _), (other, _) = certificate(), certificate()
    assert tls.secret_name("app", one) == tls.secret_name("app", one) != tls.secret_name("app", other)
