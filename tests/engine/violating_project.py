"""A Pulumi project on the sandbox's providers with a resource that violates each policy, beside one that complies."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox import paths
from sandbox.oci.cloud import AVAILABILITY_DOMAINS
from tests.support.stack import PULUMI, ROOT

NAME, STACK = "violations", "broken"

PROGRAM = f"""\
import pulumi
import pulumi_command as command
import pulumi_kubernetes as k8s
import pulumi_oci as oci

TENANCY = "{paths.TENANCY_OCID}"
DIGEST = "@sha256:" + "0" * 64
TAGS = {{"project": "{NAME}", "stack": "{STACK}", "managed-by": "pulumi"}}
KEPT = {{"on-destroy": "keep"}}

vcn = oci.core.Vcn("vcn", compartment_id=TENANCY, cidr_blocks=["10.7.0.0/16"], freeform_tags=TAGS)
untagged = oci.core.NetworkSecurityGroup("untagged", compartment_id=TENANCY, vcn_id=vcn.id)
password = pulumi.Config().require("password")
other = oci.core.Vcn("other", compartment_id=TENANCY, cidr_blocks=["10.8.0.0/16"], freeform_tags=TAGS)
oci.core.DefaultSecurityList(
    "emptied", compartment_id=TENANCY, manage_default_resource_id=other.default_security_list_id, freeform_tags=TAGS
)
own = oci.core.SecurityList("own", compartment_id=TENANCY, vcn_id=vcn.id, freeform_tags=TAGS)
for name, inside, network, lists in (
    ("as-made", vcn, "10.7.1.0/24", None),
    ("by-name", vcn, "10.7.2.0/24", [vcn.default_security_list_id]),
    ("with-own-list", vcn, "10.7.3.0/24", [own.id]),
    ("with-emptied-list", other, "10.8.1.0/24", None),
):
    oci.core.Subnet(
        name, compartment_id=TENANCY, vcn_id=inside.id, cidr_block=network, security_list_ids=lists, freeform_tags=TAGS
    )

class Part(pulumi.ComponentResource):
    def __init__(self, name, outputs):
        super().__init__("violations:index:Part", name)
        self.register_outputs(outputs)

Part("plain-part", {{"note": f"for {{password}}"}})
Part("secret-part", {{"note": pulumi.Output.secret(f"for {{password}}")}})
pulumi.export("token", "of a test")
pulumi.export("password", pulumi.Output.secret("of a test"))
for name, source in (("open", "0.0.0.0/0"), ("closed", "203.0.113.7/32")):
    oci.core.NetworkSecurityGroupSecurityRule(
        name,
        network_security_group_id=untagged.id,
        direction="INGRESS",
        protocol="6",
        source=source,
        source_type="CIDR_BLOCK",
        description=f"for {{password}}" if name == "open" else "for one",
    )

def machine(name, ocpus, options):
    oci.core.Instance(
        name,
        compartment_id=TENANCY,
        availability_domain="{AVAILABILITY_DOMAINS[0]}",
        shape="VM.Standard.A1.Flex",
        shape_config=oci.core.InstanceShapeConfigArgs(ocpus=ocpus, memory_in_gbs=2 * ocpus),
        source_details=oci.core.InstanceSourceDetailsArgs(source_type="image", source_id=vcn.id),
        create_vnic_details=oci.core.InstanceCreateVnicDetailsArgs(subnet_id=vcn.id),
        freeform_tags=TAGS,
        instance_options=options,
    )

machine("old", 4, None)
machine("new", 1, oci.core.InstanceInstanceOptionsArgs(are_legacy_imds_endpoints_disabled=True))
for name, tags in (("lost", {{}}), ("kept", KEPT)):
    oci.core.Volume(
        name,
        compartment_id=TENANCY,
        availability_domain="{AVAILABILITY_DOMAINS[0]}",
        size_in_gbs="50",
        freeform_tags={{**TAGS, **tags}},
    )

for name, stdin in (("plain", "something"), ("encrypted", pulumi.Output.secret("something"))):
    connection = command.remote.ConnectionArgs(host="192.0.2.1", user="opc", private_key=pulumi.Output.secret("of a test"))
    command.remote.Command(name, connection=connection, create="cat", stdin=stdin)

inside = pulumi.ResourceOptions(provider=k8s.Provider("cluster", kubeconfig=vcn.id))
for name, image in (("by-tag", "nginx:1"), ("by-digest", "nginx" + DIGEST)):
    labels = {{"app": name}}
    container = {{"name": "web", "image": image}}
    k8s.apps.v1.Deployment(
        name,
        metadata={{"name": name}},
        spec={{
            "selector": {{"match_labels": labels}},
            "template": {{"metadata": {{"labels": labels}}, "spec": {{"containers": [container]}}}},
        }},
        opts=inside,
    )
balancer = "service.beta.kubernetes.io/oci-load-balancer-"
shape = {{f"{{balancer}}shape": "flexible", f"{{balancer}}shape-flex-min": "10", f"{{balancer}}shape-flex-max": "10"}}
for name, internal in (("public", "false"), ("internal", "true")):
    k8s.core.v1.Service(
        name,
        metadata={{"name": name, "annotations": {{**shape, f"{{balancer}}internal": internal, f"{{balancer}}subnet1": vcn.id}}}},
        spec={{"type": "LoadBalancer", "ports": [{{"port": 80}}]}},
        opts=inside,
    )
for name, labels in (("lost-claim", {{}}), ("kept-claim", KEPT)):
    k8s.core.v1.PersistentVolumeClaim(
        name,
        metadata={{"name": name, "labels": labels}},
        spec={{"access_modes": ["ReadWriteOnce"], "resources": {{"requests": {{"storage": "50Gi"}}}}}},
        opts=inside,
    )
"""

ROOT_RESOURCE = f"{NAME}-{STACK}"
VIOLATIONS = {
    "no-ingress-from-anywhere": {"open", ROOT_RESOURCE},
    "no-public-load-balancer": {"public"},
    "images-by-digest": {"by-tag"},
    "no-plaintext-secret": {"open", "plain", ROOT_RESOURCE},
    "no-imds-v1": {"old"},
    "data-kept": {"lost", "lost-claim"},
    "tags-present": {"untagged"},
    "always-free": {ROOT_RESOURCE},
}
"""Each policy and the resources that violate it. The engine reports violations of the whole stack for its root resource."""


@dataclass(frozen=True)
class Preview:
    """The result of a preview. violations: pack to policy to the names of the resources. output: of the CLI."""

    code: int
    output: str
    violations: dict[str, dict[str, set[str]]]


class Project:
    """The project in a folder, as stack "broken" of the sandbox's backend."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "Pulumi.yaml").write_text(f"name: {NAME}\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        account = {"oci:region": paths.REGION, "oci:tenancyOcid": paths.TENANCY_OCID, "oci:userOcid": paths.USER_OCID}
        self.file = folder / f"Pulumi.{STACK}.yaml"
        self.file.write_text(json.dumps({"config": account}))
        # From an earlier run that was killed.
        self.remove(check=False)
        self._run("stack", "init")
        self._run("config", "set", "--secret", "password", "correct horse")
        # As in Pulumi's page on the provider. This is no violation, although every resource names the tenancy.
        self._run("config", "set", "--secret", "oci:tenancyOcid", paths.TENANCY_OCID)

    def remove(self, check: bool = True) -> None:
        """Remove the stack, which has no resources."""
        self._run("stack", "rm", "--yes", "--force", "--preserve-config", check=check)

    def preview(self, *packs: Path, exceptions: Any = None) -> Preview:
        """Preview with these policy packs and these `exceptions` in the stack file."""
        document = yaml.safe_load(self.file.read_text())
        if exceptions:
            document["config"]["policy:exceptions"] = exceptions
        config = self.folder / "with-exceptions.yaml"
        config.write_text(yaml.safe_dump(document))
        events = self.folder / "events.jsonl"
        events.unlink(missing_ok=True)
        given = [word for one in packs for word in ("--policy-pack", str(one))]
        done = self._run("preview", "--config-file", str(config), "--event-log", str(events), *given, check=False)
        return Preview(done.returncode, done.stdout + done.stderr, violations(events))

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PULUMI), *arguments, "--stack", STACK, "--cwd", str(self.folder), "--non-interactive", "--color", "never"],
            cwd=ROOT,
            env={**os.environ, "PULUMI_DEBUG_COMMANDS": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
            timeout=300,
        )  # fmt: skip


def violations(event_log: Path) -> dict[str, dict[str, set[str]]]:
    """Read pack to policy to the names of the resources from an event log."""
    found: dict[str, dict[str, set[str]]] = {}
    lines = event_log.read_text().splitlines() if event_log.exists() else []
    for event in (json.loads(line).get("policyEvent") for line in lines):
        if event:
            assert event["enforcementLevel"] == "mandatory", event
            names = found.setdefault(event["policyPackName"], {}).setdefault(event["policyName"], set())
            names.add(event["resourceUrn"].rpartition("::")[2])
    return found


def differing(found: dict[str, set[str]]) -> set[str]:
    """The policies whose reported resources differ from VIOLATIONS."""
    return {policy for policy in found.keys() | VIOLATIONS if found.get(policy) != VIOLATIONS.get(policy)}
