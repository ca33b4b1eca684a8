"""Emulates Oracle's controller of the storage class `oci-bv`: creates block volumes, attaches them to nodes and deletes them.

It does the work of external-provisioner, external-attacher and Oracle's CSI controller (source: oci-cloud-controller-manager 1.35,
pkg/csi/driver/bv_controller.go), for ReadWriteOnce only. A volume is a record of the cloud and a sparse file; attached, it is a loop
device. Kubernetes ensures that a volume is attached to one node at a time.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from sandbox import volume
from sandbox.kubernetes import folders
from sandbox.kubernetes.api import Api, Json, event
from sandbox.kubernetes.bootstrap import DRIVER, ZONE
from sandbox.oci import catalogue
from sandbox.oci.cloud import AVAILABILITY_DOMAINS, Record
from sandbox.oci.errors import ServiceError
from sandbox.oci.services.core_blockstorage import LARGEST_GB, SMALLEST_GB, image_file
from sandbox.process import SandboxError, run, wait_for, write_if_changed

FINALIZER = f"external-attacher/{DRIVER.replace('.', '-')}"
_PROVISIONER = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_FILE_SYSTEM = "csi.storage.k8s.io/fstype"
_GIB = 1024**3
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}


def size_gb(quantity: str) -> int:
    """Return the size of the volume for a claim ("1Gi", "60000M"): whole GiB, rounded up, at least 50.

    source: pkg/csi-util/utils.go, ExtractStorage and RoundUpSize. Raises ValueError for an invalid or too large quantity.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMGTP]|[KMGTP]i)?", quantity)
    if not found:
        raise ValueError(f"{quantity!r} is not a quantity of bytes")
    size = max(SMALLEST_GB, math.ceil(Fraction(found[1]) * _UNITS[found[2] or ""] / _GIB))
    if size > LARGEST_GB:
        raise ValueError(f"{quantity} is more than the {LARGEST_GB} GB that a volume can have")
    return size


class RefusedError(Exception):
    """The reason why a claim gets no volume."""


class BlockVolumes:
    """The block volumes of a cluster. spec: its ClusterSpec."""

    def __init__(self, api: Api, spec: Json) -> None:
        self._api, self._spec = api, spec
        self._marks = folders.attached(spec["name"])
        self._cloud = catalogue.cloud()
        self._reported: dict[str, str] = {}
        self._synced = False

    def reconcile(self) -> None:
        """Handle all claims, volumes and attachments once."""
        volumes = {one["metadata"]["name"]: one for one in self._api.items("/api/v1/persistentvolumes")}
        for claim in self._api.items("/api/v1/persistentvolumeclaims"):
            if _is_ours(claim) and _name(claim) not in volumes:
                self._try(claim)
        attachments = [
            one
            for one in self._api.items("/apis/storage.k8s.io/v1/volumeattachments")
            if one["spec"]["attacher"] == DRIVER
        ]
        for attachment in attachments:
            self._attach_or_detach(attachment, volumes)
        self._synced = True
        attached = {one["spec"]["source"].get("persistentVolumeName") for one in attachments}
        for name, one in volumes.items():
            if name not in attached:
                if one["metadata"].get("deletionTimestamp"):
                    self._hold(one, attached=False)
                self._reclaim(one)

    def _try(self, claim: Json) -> None:
        uid = claim["metadata"]["uid"]
        try:
            self._provision(claim)
        except (RefusedError, ServiceError, ValueError) as error:
            if self._reported.get(uid) != str(error):
                self._reported[uid] = str(error)
                about = {**claim, "kind": "PersistentVolumeClaim", "apiVersion": "v1"}
                message = f'failed to provision volume with StorageClass "{claim["spec"]["storageClassName"]}": {error}'
                event(self._api, about, "Warning", "ProvisioningFailed", message, DRIVER)

    def _provision(self, claim: Json) -> None:
        meta, wanted = claim["metadata"], claim["spec"]
        kind = self._api.get(f"/apis/storage.k8s.io/v1/storageclasses/{wanted['storageClassName']}")
        node = (meta.get("annotations") or {}).get("volume.kubernetes.io/selected-node")
        if kind.get("volumeBindingMode") == "WaitForFirstConsumer" and not node:
            return
        _check(wanted)
        parameters = dict(kind.get("parameters") or {})
        system, vpus = parameters.pop(_FILE_SYSTEM, "ext4"), parameters.pop("vpusPerGB", "10")
        parameters.pop("attachment-type", None)
        if parameters:
            raise RefusedError(f"the sandbox does not support the parameter {min(parameters)} of the class")
        if system not in ("ext4", "xfs"):
            raise RefusedError(f"{_FILE_SYSTEM}: {system!r} is neither ext4 nor xfs")
        zone = self._zone(node)
        name, size = _name(claim), size_gb(wanted["resources"]["requests"]["storage"])
        record = self._volume(name, size, zone, vpus)
        source = {"driver": DRIVER, "volumeHandle": record.id, "fsType": system}
        place = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
        of = {"kind": "PersistentVolumeClaim", "apiVersion": "v1"}
        spec = {
            "capacity": {"storage": f"{size}Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": kind.get("reclaimPolicy", "Delete"),
            "storageClassName": wanted["storageClassName"],
            "volumeMode": "Filesystem",
            "mountOptions": kind.get("mountOptions") or [],
            "csi": source,
            "claimRef": {**of, **{key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")}},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [place]}},
        }
        body = {"metadata": {"name": name, "annotations": {_PROVISIONED_BY: DRIVER}}, "spec": spec}
        self._api.ensure("/api/v1/persistentvolumes", body)
        about = {**claim, **of}
        event(self._api, about, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}", DRIVER)

    def _zone(self, node: str | None) -> str:
        """Return the short name of the availability domain, as in the labels of nodes."""
        labels = self._api.get(f"/api/v1/nodes/{node}")["metadata"]["labels"] if node else {}
        return str(labels.get(ZONE) or AVAILABILITY_DOMAINS[0].partition(":")[2])

    def _volume(self, name: str, size: int, zone: str, vpus: str) -> Record:
        """Return the volume of this name; create it if it does not exist."""
        for record in self._cloud.all("volume"):
            if record.properties["displayName"] == name:
                return record
        domain = next(one for one in AVAILABILITY_DOMAINS if one.endswith(f":{zone}"))
        inputs = {
            "availabilityDomain": domain,
            "compartmentId": self._spec["compartment"],
            "displayName": name,
            "sizeInGbs": str(size),
            "vpusPerGb": vpus,
        }
        checked, problems = catalogue.KINDS["volume"].checked(inputs)
        if problems:
            raise RefusedError(f"{problems[0].path} {problems[0].reason}")
        return catalogue.KINDS["volume"].create(self._cloud, checked)

    def _attach_or_detach(self, attachment: Json, volumes: dict[str, Json]) -> None:
        meta, status = attachment["metadata"], attachment.get("status") or {}
        path = f"/apis/storage.k8s.io/v1/volumeattachments/{meta['name']}"
        one = volumes.get(attachment["spec"]["source"].get("persistentVolumeName", ""))
        if meta.get("deletionTimestamp"):
            if one:
                self._detach(one["spec"]["csi"]["volumeHandle"])
            self._api.patch(path, {"metadata": {"finalizers": []}})
        elif not status.get("attached") or not self._synced:
            if FINALIZER not in (meta.get("finalizers") or []):
                self._api.patch(path, {"metadata": {"finalizers": [FINALIZER]}})
            if one:
                self._hold(one, attached=True)
            self._attach(path, one, status)

    def _hold(self, one: Json, *, attached: bool) -> None:
        """Prevent the deletion of an attached PersistentVolume, which names the volume to detach.

        Like external-attacher, keep the finalizer until the deletion (source: its pkg/controller/csi_handler.go).
        """
        held = one["metadata"].get("finalizers") or []
        if attached != (FINALIZER in held):
            wanted = [*held, FINALIZER] if attached else [name for name in held if name != FINALIZER]
            path = f"/api/v1/persistentvolumes/{one['metadata']['name']}"
            self._api.patch(path, {"metadata": {"finalizers": wanted}})

    def _attach(self, path: str, one: Json | None, status: Json) -> None:
        handle = one["spec"]["csi"]["volumeHandle"] if one else ""
        record = self._cloud.get("volume", handle)
        if record is None or not catalogue.KINDS["volume"].alive(self._cloud, record):
            message = f"404-NotAuthorizedOrNotFound, volume {handle}"
            if (status.get("attachError") or {}).get("message") != message:
                self._api.patch(f"{path}/status", {"status": {"attached": False, "attachError": {"message": message}}})
            return
        file = image_file(self._cloud, record.id)
        held = volume.loop_devices(file)
        device = held[0] if held else run(["losetup", "--find", "--show", file]).stdout.strip()
        write_if_changed(self._marks / record.id, "")
        metadata = {"devicePath": device}
        if status.get("attachmentMetadata") != metadata or not status.get("attached"):
            wanted = {"attached": True, "attachmentMetadata": metadata, "attachError": None}
            self._api.patch(f"{path}/status", {"status": wanted})

    def _detach(self, handle: str) -> None:
        record = self._cloud.get("volume", handle)
        file = image_file(self._cloud, record.id) if record else None
        for device in volume.loop_devices(file) if file else []:
            run(["losetup", "--detach", device], check=False)
        if file:
            wait_for(lambda: not volume.loop_devices(file), f"release of {handle}", 10)
        (self._marks / handle).unlink(missing_ok=True)

    def _reclaim(self, one: Json) -> None:
        """Delete the volume of a deleted claim, unless the class retains it."""
        meta, spec = one["metadata"], one["spec"]
        made_here = (meta.get("annotations") or {}).get(_PROVISIONED_BY) == DRIVER
        if (
            not made_here
            or spec["persistentVolumeReclaimPolicy"] != "Delete"
            or one["status"].get("phase") != "Released"
        ):
            return
        try:
            catalogue.KINDS["volume"].delete(self._cloud, spec["csi"]["volumeHandle"])
        except (SandboxError, ServiceError):
            # Still in use; the next round tries again.
            return
        self._api.delete(f"/api/v1/persistentvolumes/{meta['name']}")


def _check(wanted: Json) -> None:
    """Raise RefusedError for a claim that block volumes or the sandbox do not support."""
    modes = wanted["accessModes"]
    if modes != ["ReadWriteOnce"]:
        raise RefusedError(f"access modes {', '.join(modes)}: a block volume supports ReadWriteOnce only")
    if wanted.get("volumeMode", "Filesystem") != "Filesystem":
        raise RefusedError("the sandbox does not support volumeMode Block")
    if wanted.get("dataSource") or wanted.get("dataSourceRef"):
        raise RefusedError("the sandbox does not support clones and snapshots")


def _name(claim: Json) -> str:
    """Return the name of PersistentVolume and block volume (source: pkg/csi/driver/bv_controller.go, pvcPrefix; `--volume-name-prefix=csi`
    in its manifest).
    """
    return f"csi-{claim['metadata']['uid']}"


def _is_ours(claim: Json) -> bool:
    meta = claim["metadata"]
    marks = [(meta.get("annotations") or {}).get(name) for name in _PROVISIONER]
    waiting = claim["status"].get("phase") == "Pending" and not claim["spec"].get("volumeName")
    return DRIVER in marks and waiting and not meta.get("deletionTimestamp")
