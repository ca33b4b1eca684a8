"""The program run on Pulumi's mocks, and everything it asked for: for tests of the wiring."""

from __future__ import annotations

import asyncio
import os
import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks

from components import kubernetes_app
from tests.unit.conftest import ROOT, as_pulumi_does

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: TFMw}}]
"""

ANSWERS: dict[str, dict[str, Any]] = {
    "oci:ObjectStorage/getNamespace:getNamespace": {"namespace": "ns"},
    "oci:Identity/getUser:getUser": {"name": "me"},
    "oci:Identity/getAvailabilityDomains:getAvailabilityDomains": {"availabilityDomains": [{"name": "x:FRA-AD-1"}]},
    "oci:Core/getServices:getServices": {"services": [{"id": "ocid1.service.all", "cidrBlock": "all-fra-services"}]},
    "oci:Core/getImages:getImages": {
        "images": [
            {"id": "ocid1.image.custom", "compartmentId": "ocid1.tenancy.oc1..root"},
            {"id": "ocid1.image.newest", "compartmentId": ""},
        ]
    },
    "oci:Core/getImage:getImage": {"launchOptions": [{"isPvEncryptionInTransitEnabled": False}]},
    "oci:Core/getSubnet:getSubnet": {"vcnId": "ocid1.vcn.theirs"},
    "oci:ContainerEngine/getClusterOption:getClusterOption": {"kubernetesVersions": ["v1.33.1", "v1.34.1"]},
    "oci:ContainerEngine/getNodePoolOption:getNodePoolOption": {
        "sources": [
            {"sourceName": "Oracle-Linux-8.10-aarch64-2026.02.28-0-OKE-1.34.1-1330", "imageId": "ocid1.image.node"}
        ]
    },
    "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig": {"content": KUBECONFIG},
}


@dataclass(frozen=True)
class Asked:
    """One resource as the program asked for it; `needs`: names of those which it depends on, directly."""

    type: str
    inputs: dict[str, Any]
    needs: frozenset[str]
    retained: bool
    options: Any


class _Recorder(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = dict(args.inputs)
        if args.typ == "oci:Core/vcn:Vcn":
            outputs["defaultSecurityListId"] = "ocid1.securitylist.default"
        if args.typ == "docker-build:index:Index":
            outputs["ref"] = f"{args.inputs['tag']}@sha256:{'0' * 64}"
        if args.typ == "docker-build:index:Image":
            outputs["ref"] = f"{args.inputs['tags'][0]}@sha256:{'1' * 64}"
        if args.typ == "kubernetes:core/v1:PersistentVolumeClaim":
            outputs["metadata"] = {**args.inputs["metadata"], "uid": f"of-{args.inputs['metadata']['name']}"}
        if args.typ == "kubernetes:core/v1:Service":
            outputs["status"] = {"loadBalancer": {"ingress": [{"ip": "10.0.2.7"}]}}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        answer = ANSWERS[args.token]
        return answer(args.args) if callable(answer) else answer, []


class _Monitor(MockMonitor):
    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.asked: dict[str, Asked] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's
        inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
        needs = frozenset(urn.rpartition("::")[2] for urn in request.dependencies)
        self.asked[request.name] = Asked(request.type, dict(inputs), needs, bool(request.retainOnDelete), request)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Run:
    """resources: by their names, without components; outputs: of the stack, by their names."""

    resources: dict[str, Asked]
    outputs: dict[str, Any]


def run_program(values: Mapping[str, Any]) -> Run:
    """Run __main__.py with this configuration (key to value) as stack "oke"."""
    # Pulumi wants one in the main thread, and another test's asyncio.run has left none.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    monitor = _Monitor(_Recorder())
    set_mocks(_Recorder(), project="containerised-app", stack="oke", preview=False, monitor=monitor)
    account = {
        "oci:region": "eu-frankfurt-1",
        "oci:tenancyOcid": "ocid1.tenancy.oc1..root",
        "oci:userOcid": "ocid1.user.oc1..me",
        "oci:fingerprint": "12:34",
        "oci:privateKeyPath": "key.pem",
    }
    given = {f"containerised-app:{key}": value for key, value in as_pulumi_does(values).items()}
    secrets = [f"containerised-app:{key}" for key in ("password", "registryToken", "secretFiles", "tlsPrivateKey")]
    pulumi.runtime.set_all_config({**given, **account}, secrets)
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> Any:
        exports: dict[str, Any] = {}
        with patch.object(pulumi, "export", exports.__setitem__):
            runpy.run_path(os.path.join(ROOT, "__main__.py"))
        return pulumi.Output.all(**exports).apply(outputs.update)

    def volume(_: str, *claim: str) -> str:
        return f"ocid1.volume.of.{'.'.join(claim)}"

    try:
        with patch.object(kubernetes_app, "bound_volume", volume):
            program()
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    resources = {
        name: asked for name, asked in monitor.asked.items() if not asked.type.startswith("containerised-app:")
    }
    return Run(resources, outputs)
