"""The machine: an Ampere A1 Flex instance with Oracle Linux, prepared for containers, and the data volume beside it.

Owns the instance, the volume and the attachment. It does not own what runs on the instance.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_oci as oci

from components.lookups import availability_domain
from components.network import Network
from settings.instance import InstanceSettings
from settings.machine import MachineSettings
from specs.cloud_config import DATA_DEVICE
from specs.lookups import platform_image
from specs.network import INSTANCE
from specs.scope import Scope, on_destroy
from specs.shape import SHAPE

Text = pulumi.Input[str]


@dataclass(frozen=True)
class InstanceArgs:
    """What the instance is made of."""

    scope: Scope
    network: Network
    instance: InstanceSettings
    machine: MachineSettings
    # Base64 (secret: it holds the host key).
    user_data: Text


class Instance(pulumi.ComponentResource):
    """resource: the instance; attachment: after which the data volume is there; address: public where there is one."""

    resource: oci.core.Instance
    attachment: oci.core.VolumeAttachment
    volume: oci.core.Volume
    address: pulumi.Output[str]

    def __init__(self, name: str, args: InstanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("containerised-app:instance:Instance", name, None, opts)
        self._invoke = pulumi.InvokeOutputOptions(parent=self)
        domain = availability_domain(args.scope, self._invoke)
        image, is_encrypted = self._image(args)
        self.resource = self._instance(name, args, domain, image, is_encrypted)
        self.volume = self._volume(name, args, domain)
        self.attachment = oci.core.VolumeAttachment(
            f"{name}-data-attachment",
            attachment_type="paravirtualized",
            instance_id=self.resource.id,
            volume_id=self.volume.id,
            device=DATA_DEVICE,
            is_pv_encryption_in_transit_enabled=is_encrypted,
            # A terminated instance has no volumes attached. Detaching one from a running instance would take the disk from the app.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True, deleted_with=self.resource),
        )
        self.address = self.resource.public_ip if args.instance.assign_public_ip else self.resource.private_ip
        self.register_outputs({"address": self.address, "instance_id": self.resource.id})

    def _instance(
        self, name: str, args: InstanceArgs, domain: Text, image: Text, is_encrypted: pulumi.Input[bool]
    ) -> oci.core.Instance:
        return oci.core.Instance(
            f"{name}-instance",
            compartment_id=args.scope.compartment_id,
            availability_domain=domain,
            display_name=args.scope.display_name,
            freeform_tags=args.scope.tags,
            shape=SHAPE,
            shape_config=oci.core.InstanceShapeConfigArgs(
                ocpus=args.machine.ocpus, memory_in_gbs=args.machine.memory_in_gbs
            ),
            source_details=oci.core.InstanceSourceDetailsArgs(
                source_type="image",
                source_id=image,
                boot_volume_size_in_gbs=str(args.machine.boot_volume_size_in_gbs),
            ),
            create_vnic_details=oci.core.InstanceCreateVnicDetailsArgs(
                subnet_id=args.network.subnet_ids[INSTANCE],
                assign_public_ip=str(args.instance.assign_public_ip).lower(),
                nsg_ids=[args.network.security_group_ids[INSTANCE]],
            ),
            # Between the instance and its volumes; at rest they are always encrypted.
            is_pv_encryption_in_transit_enabled=is_encrypted,
            metadata={"ssh_authorized_keys": args.instance.ssh_key.public, "user_data": args.user_data},
            instance_options=oci.core.InstanceInstanceOptionsArgs(are_legacy_imds_endpoints_disabled=True),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The newest image changes every few weeks; the instance keeps its image ...
                ignore_changes=["sourceDetails.sourceId"],
                # ... until the configuration names another system.
                replacement_trigger=args.instance.image_id or f"Oracle Linux {args.instance.operating_system_version}",
                # Two would not fit in the Always Free allowance, and the data volume can be attached to one only.
                delete_before_replace=True,
            ),
        )

    def _volume(self, name: str, args: InstanceArgs, domain: Text) -> oci.core.Volume:
        return oci.core.Volume(
            f"{name}-data",
            compartment_id=args.scope.compartment_id,
            availability_domain=domain,
            display_name=f"{args.scope.display_name}-data",
            freeform_tags={**args.scope.tags, **on_destroy(args.instance.retain_data)},
            size_in_gbs=str(args.machine.data_volume_size_in_gbs),
            opts=pulumi.ResourceOptions(
                parent=self,
                retain_on_delete=args.instance.retain_data,
                # The engine imports it, then brings it to these inputs: its tags say what this stack does with it.
                import_=args.machine.data_volume_id or None,
            ),
        )

    def _image(self, args: InstanceArgs) -> tuple[Text, pulumi.Input[bool]]:
        """OCID, and whether volumes can be encrypted in transit: A1 can, platform images can, another image says so itself (source:
        Oracle, "In-Transit Encryption").
        """
        if args.instance.image_id:
            options = oci.core.get_image_output(image_id=args.instance.image_id, opts=self._invoke).launch_options
            return args.instance.image_id, options.apply(
                lambda found: any(one.is_pv_encryption_in_transit_enabled for one in found)
            )
        images = oci.core.get_images_output(
            compartment_id=args.scope.compartment_id,
            operating_system="Oracle Linux",
            operating_system_version=args.instance.operating_system_version,
            shape=SHAPE,
            sort_by="TIMECREATED",
            sort_order="DESC",
            opts=self._invoke,
        )
        newest = images.images.apply(
            lambda found: platform_image(
                [(one.id, one.compartment_id) for one in found], args.instance.operating_system_version
            )
        )
        return newest, True
