"""Core services, compute: instances. An instance is a machine of the sandbox, a container with systemd, sshd and cloud-init.

Inputs as in core_instance_resource.go: `ForceNew` marks what replaces, and its CustomizeDiff adds metadata's ssh_authorized_keys and
user_data. Refusals as users report them (oracle/terraform-provider-oci issues 760 and 2103, oracle-quickstart/oci-elastic issue 18).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from sandbox import paths
from sandbox.oci import checks
from sandbox.oci.cloud import Cloud, Record, new_id
from sandbox.oci.declare import ANY_CASE, CUSTOM, KEEP, REPLACE, SET, TAGS, UPDATE, Inputs, Reference, Table
from sandbox.oci.errors import Problem, UnsupportedError, conflict, invalid, not_found
from sandbox.oci.resource import Resource
from sandbox.oci.services import addresses
from sandbox.oci.services.core_blockstorage import LARGEST_GB, SMALLEST_GB
from sandbox.oci.services.core_images import encrypts_in_transit, processor
from sandbox.oci.services.core_network import same_vcn
from sandbox.oci.services.machines import MachineResource
from sandbox.oci.services.shapes import SHAPES
from sandbox.oci.wire import UNKNOWN, Properties

# source: OCI API, LaunchInstanceDetails.metadata: with extendedMetadata, as JSON.
_METADATA_LIMIT = 32_000
_REQUIRED = ("shape", "sourceDetails", "createVnicDetails")


class Instance(MachineResource):
    """A virtual machine with its primary VNIC and boot volume."""

    type = "oci:Core/instance:Instance"
    kind = "instance"
    title = "VNIC"
    inputs = Inputs(
        {
            **TAGS,
            "availabilityDomain": REPLACE | ANY_CASE,
            "compartmentId": UPDATE,
            "displayName": KEEP,
            "faultDomain": KEEP | ANY_CASE,
            # Kept and told, without effect.
            "agentConfig": KEEP,
            "availabilityConfig": KEEP,
            "instanceOptions": KEEP,
            "isPvEncryptionInTransitEnabled": REPLACE | KEEP,
            "preserveBootVolume": UPDATE,
            "extendedMetadata": KEEP,
            "metadata": KEEP,
            "metadata.ssh_authorized_keys": CUSTOM,
            "metadata.user_data": CUSTOM,
            "shape": KEEP,
            "shapeConfig": KEEP,
            "shapeConfig.ocpus": KEEP,
            "shapeConfig.memoryInGbs": KEEP,
            "sourceDetails": KEEP,
            "sourceDetails.sourceType": UPDATE,
            "sourceDetails.sourceId": KEEP,
            "sourceDetails.bootVolumeSizeInGbs": KEEP,
            "sourceDetails.bootVolumeVpusPerGb": REPLACE | KEEP,
            "createVnicDetails": KEEP,
            "createVnicDetails.assignPublicIp": UPDATE,
            "createVnicDetails.definedTags": KEEP,
            "createVnicDetails.displayName": KEEP,
            "createVnicDetails.freeformTags": KEEP,
            "createVnicDetails.hostnameLabel": KEEP | ANY_CASE,
            "createVnicDetails.nsgIds": KEEP | SET,
            "createVnicDetails.privateIp": REPLACE | KEEP,
            "createVnicDetails.skipSourceDestCheck": KEEP,
            "createVnicDetails.subnetId": REPLACE | KEEP,
        }
    )
    defaults = Table({"createVnicDetails.assignPublicIp": "true"})
    checks = Table(
        {
            "availabilityDomain": checks.availability_domain,
            "displayName": checks.display_name,
            "faultDomain": checks.one_of("FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3", any_case=True),
            "metadata.user_data": checks.base64_text,
            "shape": checks.one_of(*SHAPES),
            "sourceDetails.sourceType": checks.one_of("image"),
            "sourceDetails.bootVolumeSizeInGbs": checks.whole_text(SMALLEST_GB, LARGEST_GB),
            "sourceDetails.bootVolumeVpusPerGb": checks.one_of(*map(str, range(10, 130, 10))),
            "createVnicDetails.assignPublicIp": checks.one_of("true", "false"),
            "createVnicDetails.hostnameLabel": checks.hostname_label,
            "createVnicDetails.privateIp": checks.matches(r"\d{1,3}(\.\d{1,3}){3}", "an IPv4 address"),
        }
    )
    references = Table(
        {
            "createVnicDetails.subnetId": Reference(("subnet",)),
            "createVnicDetails.nsgIds": Reference(("networksecuritygroup",)),
        }
    )

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        for name in _REQUIRED:
            if name not in inputs:
                yield Problem(
                    name,
                    "is required (instances from instance configurations are not supported by the sandbox's Oracle Cloud)",
                )
        for name, member in (("createVnicDetails", "subnetId"), ("sourceDetails", "sourceId")):
            details = inputs.get(name, UNKNOWN)
            if details is not UNKNOWN and member not in details:
                yield Problem(f"{name}.{member}", "is required and missing")
        groups = _member(inputs, "createVnicDetails", "nsgIds")
        if isinstance(groups, list) and len(groups) > 5:
            # source: OCI documentation, "Network Security Groups", "Limits".
            yield Problem("createVnicDetails.nsgIds", "must name 5 network security groups at most")
        if _size(inputs) > _METADATA_LIMIT:
            yield Problem("metadata", f"must be {_METADATA_LIMIT} bytes at most, extendedMetadata included")
        if inputs.get("shape", UNKNOWN) is not UNKNOWN and inputs["shape"] in SHAPES:
            yield from SHAPES[inputs["shape"]].problems(inputs.get("shapeConfig"))

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        vnic, source = inputs["createVnicDetails"], inputs["sourceDetails"]
        subnet = cloud.require(vnic["subnetId"], "subnet")
        address = vnic.get("privateIp") or addresses.free(cloud, subnet)
        name = inputs.get("displayName", "instance")
        empty: Properties = {"definedTags": {}, "freeformTags": {}}
        label = vnic.get("hostnameLabel", "")
        plugins = {
            "areAllPluginsDisabled": False,
            "isManagementDisabled": False,
            "isMonitoringDisabled": False,
        }
        return {
            "state": "PROVISIONING",
            "region": paths.REGION,
            "launchMode": "PARAVIRTUALIZED",
            "systemTags": {},
            "bootVolumeId": new_id("bootvolume"),
            "faultDomain": "FAULT-DOMAIN-1",
            "image": source["sourceId"],
            "subnetId": vnic["subnetId"],
            "privateIp": address,
            "publicIp": "",
            "hostnameLabel": label,
            "agentConfig": plugins,
            "availabilityConfig": {"isLiveMigrationPreferred": False, "recoveryAction": "RESTORE_INSTANCE"},
            "instanceOptions": {"areLegacyImdsEndpointsDisabled": False},
            "createVnicDetails": {
                **empty,
                "displayName": name,
                "nsgIds": [],
                "privateIp": address,
                "skipSourceDestCheck": False,
            },
            "sourceDetails": {"bootVolumeSizeInGbs": str(SMALLEST_GB), "bootVolumeVpusPerGb": "10"},
            "metadata": {},
            "extendedMetadata": {},
            "isPvEncryptionInTransitEnabled": False,
        }

    @override
    def derived(self, properties: Properties) -> Properties:
        config, shape = properties["shapeConfig"], properties["shape"]
        if UNKNOWN in (config, shape) or config["ocpus"] is UNKNOWN:
            return properties
        return {**properties, "shapeConfig": SHAPES[shape].configured(config)}

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        wanted = record.properties
        vnic, source = wanted["createVnicDetails"], wanted["sourceDetails"]
        made_for = processor(cloud, source["sourceId"])
        if made_for is None:
            raise not_found(f"image {source['sourceId']}")
        if made_for != SHAPES[wanted["shape"]].processor:
            raise invalid(f"Shape {wanted['shape']} is not valid for image {source['sourceId']}.")
        if wanted.get("isPvEncryptionInTransitEnabled") and not encrypts_in_transit(cloud, source["sourceId"]):
            raise invalid(f"In-transit encryption is not supported by image {source['sourceId']}.")
        subnet = cloud.require(vnic["subnetId"], "subnet")
        if vnic["assignPublicIp"] == "true" and subnet.properties["prohibitPublicIpOnVnic"]:
            raise invalid(f"Public IP addresses are prohibited in this subnet {{{subnet.id}}}.")
        domain = subnet.properties.get("availabilityDomain")
        if domain and domain.lower() != wanted["availabilityDomain"].lower():
            raise invalid(f"Subnet {subnet.id} is in another availability domain than the instance.")
        same_vcn(cloud, subnet.properties["vcnId"], "networksecuritygroup", vnic.get("nsgIds", []))
        others = [
            other.properties
            for other in cloud.all(self.kind)
            if other.id != record.id and other.properties["subnetId"] == subnet.id
        ]
        label = vnic.get("hostnameLabel")
        if label and not subnet.properties.get("dnsLabel"):
            raise invalid(f"hostnameLabel cannot be set: subnet {subnet.id} has no dnsLabel.")
        if label and label in [other["createVnicDetails"].get("hostnameLabel") for other in others]:
            raise conflict(f"The hostnameLabel {label} is already used in subnet {subnet.id}.")
        if before is None and "privateIp" in vnic:
            addresses.review(cloud, subnet, vnic["privateIp"])
        elif before and int(source["bootVolumeSizeInGbs"]) < int(
            before.properties["sourceDetails"]["bootVolumeSizeInGbs"]
        ):
            raise invalid("The boot volume cannot be made smaller.")

    @override
    def plan(self, state: Properties, inputs: Properties) -> None:
        before, after = (_member(properties, "sourceDetails", "sourceId") for properties in (state, inputs))
        if after not in (None, before):
            raise UnsupportedError(
                "sourceDetails.sourceId: replacing the boot volume of an instance in place; replace the instance, or ignore the change"
            )


def _member(properties: Properties, name: str, member: str) -> Any:
    details = properties.get(name)
    return details.get(member) if isinstance(details, dict) else None


def _size(inputs: Properties) -> int:
    given = [inputs.get(name) for name in ("metadata", "extendedMetadata")]
    known = [
        {name: value for name, value in part.items() if value is not UNKNOWN}
        for part in given
        if isinstance(part, dict)
    ]
    return sum(len(json.dumps(part).encode()) for part in known)


RESOURCES: tuple[Resource, ...] = (Instance(),)
