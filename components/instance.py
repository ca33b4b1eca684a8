"""The machine: an Ampere A1 Flex instance with Oracle Linux, prepared for containers, and the data volume beside it.

Owns the instance, the volume and the attachment. What runs on it is not its concern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_oci as oci

from specs.cloud_config import DATA_DEVICE
from specs.lookups import availability_domain, platform_image
from specs.shape import SHAPE
from specs.tags import on_destroy


@dataclass(frozen=True)
class InstanceArgs:
    """compartment_id, subnet_id, security_group_id: OCIDs; tags: freeform; tenancy_ocid: whose availability domains are looked up when
    `availability_domain` is ""; image_id: OCID, or "" for the newest Oracle Linux `operating_system_version`; sizes
    in OCPUs and GB; ssh_public_key: line of authorized_keys; user_data: base64 (secret: it holds the host key);
    retain_data: keep the volume on destroy; data_volume_id: OCID of one kept so, to take over, or "".
    """

    compartment_id: str
    display_name: str
    tags: Mapping[str, str]
    tenancy_ocid: str
    availability_domain: str
    subnet_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    assign_public_ip: bool
    operating_system_version: str
    image_id: str
    ocpus: int
    memory_in_gbs: int
    boot_volume_size_in_gbs: int
    data_volume_size_in_gbs: int
    ssh_public_key: str
    user_data: pulumi.Input[str]
    retain_data: bool
    data_volume_id: str = ""


class Instance(pulumi.ComponentResource):
    """resource: the instance; attachment: after which the data volume is there; address: public where there is one."""

    resource: oci.core.Instance
    attachment: oci.core.VolumeAttachment
    volume: oci.core.Volume
    address: pulumi.Output[str]

    def __init__(self, name: str, args: InstanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:instance:Instance", name, None, opts)
        domain, (image, is_encrypted) = self._availability_domain(args), self._image(args)
        self.resource = oci.core.Instance(
            f"{name}-instance",
            compartment_id=args.compartment_id,
            availability_domain=domain,
            display_name=args.display_name,
            freeform_tags=args.tags,
            shape=SHAPE,
            shape_config=oci.core.InstanceShapeConfigArgs(ocpus=args.ocpus, memory_in_gbs=args.memory_in_gbs),
            source_details=oci.core.InstanceSourceDetailsArgs(
                source_type="image",
                source_id=image,
                boot_volume_size_in_gbs=str(args.boot_volume_size_in_gbs),
            ),
            create_vnic_details=oci.core.InstanceCreateVnicDetailsArgs(
                subnet_id=args.subnet_id,
                assign_public_ip=str(args.assign_public_ip).lower(),
                nsg_ids=[args.security_group_id],
            ),
            # On the way between the instance and its volumes; at rest they are encrypted in any case.
            is_pv_encryption_in_transit_enabled=is_encrypted,
            metadata={"ssh_authorized_keys": args.ssh_public_key, "user_data": args.user_data},
            instance_options=oci.core.InstanceInstanceOptionsArgs(are_legacy_imds_endpoints_disabled=True),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The newest image changes every few weeks; the instance keeps the one it was made with ...
                ignore_changes=["sourceDetails.sourceId"],
                # ... until another system is asked for.
                replacement_trigger=args.image_id or f"Oracle Linux {args.operating_system_version}",
                # Two would not fit in the Always Free allowance, and the data volume can be attached to one only.
                delete_before_replace=True,
            ),
        )
        self.volume = oci.core.Volume(
            f"{name}-data",
            compartment_id=args.compartment_id,
            availability_domain=domain,
            display_name=f"{args.display_name}-data",
            freeform_tags={**args.tags, **on_destroy(args.retain_data)},
            size_in_gbs=str(args.data_volume_size_in_gbs),
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=args.retain_data,
                # The engine imports it, then brings it to these inputs: its tags say what this stack does with it.
                import_=args.data_volume_id or None,
            ),
        )
        self.attachment = oci.core.VolumeAttachment(
            f"{name}-data-attachment",
            attachment_type="paravirtualized",
            instance_id=self.resource.id,
            volume_id=self.volume.id,
            device=DATA_DEVICE,
            is_pv_encryption_in_transit_enabled=is_encrypted,
            # A terminated instance has let go of its volumes; detaching one while it runs would pull the disk from
            # under the app.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True, deleted_with=self.resource),
        )
        self.address = self.resource.public_ip if args.assign_public_ip else self.resource.private_ip
        self.register_outputs({"address": self.address, "instance_id": self.resource.id})

    def _availability_domain(self, args: InstanceArgs) -> pulumi.Input[str]:
        if args.availability_domain:
            return args.availability_domain
        domains = oci.identity.get_availability_domains_output(
            compartment_id=args.tenancy_ocid, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        return domains.availability_domains.apply(lambda found: availability_domain([one.name for one in found]))

    def _image(self, args: InstanceArgs) -> tuple[pulumi.Input[str], pulumi.Input[bool]]:
        """OCID, and whether volumes can be encrypted in transit: A1 can, platform images can, another image says so itself (source:
        Oracle, "In-Transit Encryption").
        """
        if args.image_id:
            options = oci.core.get_image_output(
                image_id=args.image_id, opts=pulumi.InvokeOutputOptions(parent=self)
            ).launch_options
            return args.image_id, options.apply(
                lambda found: any(one.is_pv_encryption_in_transit_enabled for one in found)
            )
        images = oci.core.get_images_output(
            compartment_id=args.compartment_id,
            operating_system="Oracle Linux",
            operating_system_version=args.operating_system_version,
            shape=SHAPE,
            sort_by="TIMECREATED",
            sort_order="DESC",
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        newest = images.images.apply(
            lambda found: platform_image([(one.id, one.compartment_id) for one in found], args.operating_system_version)
        )
        return newest, True
