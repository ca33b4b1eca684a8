"""A test's own cluster in the sandbox, created through Oracle's emulated API, and a small app for it."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import oci

from operations import kube_token
from sandbox import account, engine, paths, registry
from sandbox.kubernetes import folders, image
from sandbox.kubernetes.service_annotations import BALANCER, ORACLE
from sandbox.oci.catalogue import KINDS, cloud
from sandbox.oci.cloud import AVAILABILITY_DOMAINS, Record
from sandbox.oci.host import ThisHost
from sandbox.oci.services.containerengine import VERSIONS
from sandbox.oci.services.containerengine_images import NODE_IMAGES
from sandbox.process import run, wait_for, write_if_changed

REPOSITORY = f"{paths.REGISTRY_ADDRESS}/{paths.NAMESPACE}/test/app"
NAMESPACE = "apps"
PORT = 8888
SCRIPT = f"date +%s.%N >>/data/starts; exec python3 -m http.server --directory /data {PORT}"


def token(cluster: str, user_config: dict[str, str] | None = None) -> str:
    """A token for the cluster, signed by the account's user or by another one."""
    config = user_config or oci.config.from_file(str(account.OCI_CONFIG))
    signing = {**config, "key_content": "", "pass_phrase": ""}
    return kube_token.token(cluster, paths.REGION, signing, datetime.now(timezone.utc))


def make(kind: str, **inputs: Any) -> Record:
    """Check the inputs and create a resource, like the provider."""
    checked, problems = KINDS[kind].checked({"compartmentId": paths.TENANCY_OCID, **inputs})
    assert not problems, problems
    return KINDS[kind].create(cloud(), checked)


def push_image() -> None:
    """Push an image with Python to the registry. It is the image of the clusters, which already exists."""
    trust = ["--authfile", str(registry.login_file()), "--cert-dir", str(registry.certificates())]
    engine.podman("push", "--quiet", *trust, image.IMAGE, f"docker://{REPOSITORY}:1")


@dataclass
class Oke:
    """A VCN with subnets, a cluster, and a pool with one node."""

    folder: Path
    vcn: Record
    subnets: dict[str, Record]
    cluster: Record
    pool: Record

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the account's user with a new token."""
        done = self.try_kubectl(token(self.cluster.id), *words, stdin=stdin)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout + ("" if check else done.stderr)

    def try_kubectl(self, with_token: str, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl with this token."""
        file = self.folder / "kubeconfig"
        authority = base64.b64encode(ThisHost().clusters.authority(self.cluster.private["container"])).decode()
        server = f"https://{self.cluster.private['address']}:{folders.PORT}"
        cluster = {"server": server, "certificate-authority-data": authority}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": with_token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }
        write_if_changed(file, json.dumps(document), 0o600)
        command: list[str | Path] = [paths.BIN / "kubectl", "--kubeconfig", file, *words]
        return run(command, stdin=stdin, check=False, timeout=180, env={"KUBECACHEDIR": str(self.folder)})

    def get(self, *words: str) -> Any:
        """`kubectl get … -o json` in the app's namespace."""
        return json.loads(self.kubectl("--namespace", NAMESPACE, "get", *words, "--output", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        """`kubectl apply`, server-side."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "--server-side", "--filename", "-", stdin=json.dumps(document))

    def load_balancers(self) -> list[Record]:
        """The load balancers of this cluster."""
        return [one for one in cloud().all("loadbalancer") if one.private["cluster"] == self.cluster.id]

    def events(self, kind: str) -> str:
        """The messages of all events about objects of a kind."""
        found = self.get("events")["items"]
        return "\n".join(one["message"] for one in found if one["involvedObject"]["kind"] == kind)

    def address(self, name: str = "app") -> str:
        """Wait for the load balancer's address and return it."""
        self.eventually(lambda: bool(self.get("service", name)["status"]["loadBalancer"]), f"an address of {name}", 20)
        return str(self.get("service", name)["status"]["loadBalancer"]["ingress"][0]["ip"])

    @staticmethod
    def eventually(condition: Any, what: str, seconds: float) -> None:
        """Wait until the condition is true."""
        wait_for(condition, what, seconds, interval=0.3)


def set_up(folder: Path) -> Oke:
    """Create VCN, cluster and node pool."""
    vcn = make("vcn", cidrBlocks=["10.0.0.0/16"], dnsLabel="vcn")

    def subnet(label: str, number: int, *, private: bool) -> Record:
        block = f"10.0.{number}.0/24"
        return make("subnet", vcnId=vcn.id, cidrBlock=block, dnsLabel=label, prohibitPublicIpOnVnic=private)

    subnets = {
        "api": subnet("api", 0, private=False),
        "nodes": subnet("nodes", 1, private=True),
        "internal": subnet("internal", 2, private=True),
        "public": subnet("public", 3, private=False),
    }
    endpoint = {"subnetId": subnets["api"].id, "isPublicIpEnabled": True}
    cluster = make("cluster", vcnId=vcn.id, name="test", kubernetesVersion=VERSIONS[0], endpointConfig=endpoint)
    placement = {"availabilityDomain": AVAILABILITY_DOMAINS[0], "subnetId": subnets["nodes"].id}
    image_id = next(id for id, name in NODE_IMAGES.items() if "aarch64" in name)
    pool = make(
        "nodepool",
        clusterId=cluster.id,
        name="nodes",
        kubernetesVersion=VERSIONS[0],
        nodeShape="VM.Standard.A1.Flex",
        nodeShapeConfig={"ocpus": 2, "memoryInGbs": 12},
        nodeSourceDetails={"sourceType": "IMAGE", "imageId": image_id},
        nodeConfigDetails={"size": 1, "placementConfigs": [placement]},
    )
    return Oke(folder, vcn, subnets, cluster, pool)


def tear_down(oke: Oke) -> None:
    """Delete everything in the order of a destroy."""
    for record in (oke.pool, oke.cluster, *oke.subnets.values(), oke.vcn):
        KINDS[record.kind].delete(cloud(), record.id)


def namespace() -> dict[str, Any]:
    """A namespace that admits only pods of the restricted profile."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def pull_secret() -> dict[str, Any]:
    """The login of the account to the registry."""
    login = base64.b64encode(f"{paths.REGISTRY_USER}:{account.registry_token()}".encode()).decode()
    data = json.dumps({"auths": {paths.REGISTRY_ADDRESS: {"auth": login}}})
    return {
        **_object("v1", "Secret", "pull"),
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(data.encode()).decode()},
    }


def claim(name: str = "data", storage_class: str = "oci-bv", **spec: Any) -> dict[str, Any]:
    """A claim smaller than the smallest volume."""
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        **_object("v1", "PersistentVolumeClaim", name),
        "spec": {**wanted, "storageClassName": storage_class, **spec},
    }


def deployment(name: str = "app", image: str = f"{REPOSITORY}:1", pull: str = "pull", volume: str = "data") -> Any:
    """A pod that records each start on its volume and serves the files of the volume."""
    container = {
        "name": "app",
        "image": image,
        "imagePullPolicy": "Always",
        "command": ["sh", "-c", SCRIPT],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/starts", "port": "http"}, "periodSeconds": 1},
        "resources": {"limits": {"memory": "128Mi", "cpu": "500m"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "imagePullSecrets": [{"name": pull}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "fsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": volume}}],
    }
    labels = {"app": name}
    return {
        **_object("apps/v1", "Deployment", name),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def policy() -> dict[str, Any]:
    """The rules of the program: the app's port in, everything except the metadata service out."""
    block = {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}
    return {
        **_object("networking.k8s.io/v1", "NetworkPolicy", "app"),
        "spec": {
            "podSelector": {"matchLabels": {"app": "app"}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": "http"}]}],
            "egress": [{"to": [{"ipBlock": block}]}],
        },
    }


def service(subnet: str, name: str = "app", port: int = 80, **changes: str) -> dict[str, Any]:
    """A Service with the reference article's annotations. changes: further annotations without their prefix."""
    article = {
        "internal": "true",
        "shape": "flexible",
        "shape-flex-min": "10",
        "shape-flex-max": "10",
        "subnet1": subnet,
    }
    article |= {
        "security-list-management-mode": "None",
        **{key.replace("_", "-"): value for key, value in changes.items()},
    }
    annotations = {f"{ORACLE}load-balancer-type": "lb", **{f"{BALANCER}{key}": value for key, value in article.items()}}
    made = _object("v1", "Service", name)
    made["metadata"]["annotations"] = annotations
    ports = [{"name": "http", "port": port, "targetPort": "http"}]
    return {**made, "spec": {"type": "LoadBalancer", "selector": {"app": "app"}, "ports": ports}}


def starts(url: str, context: Any = None) -> list[str]:
    """The times of all starts recorded on the volume. Empty if the app does not answer."""
    handlers = [urllib.request.ProxyHandler({})]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))  # type: ignore[arg-type]
    try:
        with urllib.request.build_opener(*handlers).open(f"{url}/starts", timeout=3) as answer:
            return list(answer.read().decode().split())
    except OSError:
        return []


def _object(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}
