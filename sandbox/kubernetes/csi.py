"""The CSI node service of block volumes: the kubelet calls it to mount a volume into a pod.

The messages are the used members of CSI 1.9 and of the kubelet's plugin registration v1, with their numbers and types (source:
container-storage-interface/spec csi.proto; kubernetes pkg/kubelet/apis/pluginregistration/v1/api.proto).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)

from sandbox.kubernetes.bootstrap import DRIVER, ZONE
from sandbox.process import SandboxError, run

PLUGINS = Path("/var/lib/kubelet/plugins")
REGISTRY = Path("/var/lib/kubelet/plugins_registry")
# source: OCI documentation, "Attaching a Block Volume": 32 paravirtualized volumes an instance, including the boot volume.
MOST_VOLUMES = 31
_STAGE_UNSTAGE = 1

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
}

# name: {member: (number, type)}; a type in [] is repeated. On the wire, a map is a repeated pair of key and value.
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Empty": {},
    "Pair": {"key": (1, "string"), "value": (2, "string")},
    "PluginInfo": {
        "type": (1, "string"),
        "name": (2, "string"),
        "endpoint": (3, "string"),
        "supported_versions": (4, "[string]"),
    },
    "RegistrationStatus": {"plugin_registered": (1, "bool"), "error": (2, "string")},
    "GetPluginInfoResponse": {"name": (1, "string"), "vendor_version": (2, "string")},
    "Topology": {"segments": (1, "[Pair]")},
    "NodeGetInfoResponse": {
        "node_id": (1, "string"),
        "max_volumes_per_node": (2, "int64"),
        "accessible_topology": (3, "Topology"),
    },
    "Rpc": {"type": (1, "int32")},
    "NodeServiceCapability": {"rpc": (1, "Rpc")},
    "NodeGetCapabilitiesResponse": {"capabilities": (1, "[NodeServiceCapability]")},
    "MountVolume": {"fs_type": (1, "string"), "mount_flags": (2, "[string]")},
    "VolumeCapability": {"mount": (2, "MountVolume")},
    "NodeStageVolumeRequest": {
        "volume_id": (1, "string"),
        "publish_context": (2, "[Pair]"),
        "staging_target_path": (3, "string"),
        "volume_capability": (4, "VolumeCapability"),
    },
    "NodeUnstageVolumeRequest": {"volume_id": (1, "string"), "staging_target_path": (2, "string")},
    "NodePublishVolumeRequest": {
        "volume_id": (1, "string"),
        "staging_target_path": (3, "string"),
        "target_path": (4, "string"),
        "readonly": (6, "bool"),
    },
    "NodeUnpublishVolumeRequest": {"volume_id": (1, "string"), "target_path": (2, "string")},
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="sandbox-csi.proto", package="sandbox.csi", syntax="proto3")
    for name, members in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for member, (number, kind) in members.items():
            plain = kind.strip("[]")
            label = _Field.LABEL_REPEATED if kind != plain else _Field.LABEL_OPTIONAL
            field = message.field.add(name=member, number=number, label=label)
            if plain in _TYPES:
                field.type = _TYPES[plain]
            else:
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".sandbox.csi.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"sandbox.csi.{name}")) for name in _MESSAGES
    }


M = _classes()


class Node:
    """The node service of one node. zone: its availability domain, short."""

    def __init__(self, name: str, zone: str) -> None:
        self._name, self._zone = name, zone

    def info(self, request: Any) -> Any:
        """Describe the node."""
        topology = M["Topology"](segments=[M["Pair"](key=ZONE, value=self._zone)])
        return M["NodeGetInfoResponse"](
            node_id=self._name, max_volumes_per_node=MOST_VOLUMES, accessible_topology=topology
        )

    def stage(self, request: Any) -> Any:
        """Mount the volume on the node. Only a blank volume is formatted."""
        device = {pair.key: pair.value for pair in request.publish_context}.get("devicePath", "")
        kind = request.volume_capability.mount.fs_type or "ext4"
        if not (found := re.fullmatch(r"/dev/loop(\d+)", device)) or kind not in ("ext4", "xfs"):
            raise SandboxError(f"volume {request.volume_id}: device {device!r}, file system {kind!r}")
        if not Path(device).exists():
            # The host created the device after this container.
            os.mknod(device, 0o600 | 0o060000, os.makedev(7, int(found[1])))
        target = Path(request.staging_target_path)
        if not os.path.ismount(target):
            _format_if_blank(device, kind)
            target.mkdir(parents=True, exist_ok=True)
            flags = ",".join(["noatime", *request.volume_capability.mount.mount_flags])
            run(["mount", "-t", kind, "-o", flags, device, target])
        return M["Empty"]()

    def unstage(self, request: Any) -> Any:
        """Undo `stage`."""
        _unmount(Path(request.staging_target_path))
        return M["Empty"]()

    def publish(self, request: Any) -> Any:
        """Mount the volume into the folder of a pod."""
        target = Path(request.target_path)
        if not os.path.ismount(target):
            target.mkdir(parents=True, exist_ok=True)
            run(["mount", "--bind", request.staging_target_path, target])
            if request.readonly:
                run(["mount", "-o", "remount,bind,ro", target])
        return M["Empty"]()

    def unpublish(self, request: Any) -> Any:
        """Undo `publish`."""
        target = Path(request.target_path)
        _unmount(target)
        if target.exists():
            target.rmdir()
        return M["Empty"]()


def serve(node: Node) -> list[Any]:
    """Start and return both servers; the kubelet finds them by their sockets."""
    endpoint = PLUGINS / DRIVER / "csi.sock"
    identity = {
        "GetPluginInfo": _handler("Empty", lambda _: M["GetPluginInfoResponse"](name=DRIVER, vendor_version="1")),
        "GetPluginCapabilities": _handler("Empty", lambda _: M["Empty"]()),
        "Probe": _handler("Empty", lambda _: M["Empty"]()),
    }
    capability = M["NodeServiceCapability"](rpc=M["Rpc"](type=_STAGE_UNSTAGE))
    service = {
        "NodeGetInfo": _handler("Empty", node.info),
        "NodeGetCapabilities": _handler("Empty", lambda _: M["NodeGetCapabilitiesResponse"](capabilities=[capability])),
        "NodeStageVolume": _handler("NodeStageVolumeRequest", node.stage),
        "NodeUnstageVolume": _handler("NodeUnstageVolumeRequest", node.unstage),
        "NodePublishVolume": _handler("NodePublishVolumeRequest", node.publish),
        "NodeUnpublishVolume": _handler("NodeUnpublishVolumeRequest", node.unpublish),
    }
    info = M["PluginInfo"](type="CSIPlugin", name=DRIVER, endpoint=str(endpoint), supported_versions=["1.0.0"])
    registration = {
        "GetInfo": _handler("Empty", lambda _: info),
        "NotifyRegistrationStatus": _handler("RegistrationStatus", _registered),
    }
    return [
        _server(endpoint, {"csi.v1.Identity": identity, "csi.v1.Node": service}),
        _server(REGISTRY / f"{DRIVER}-reg.sock", {"pluginregistration.Registration": registration}),
    ]


def _registered(status: Any) -> Any:
    if not status.plugin_registered:
        print(f"csi: the kubelet did not register the driver: {status.error}", flush=True)
    return M["Empty"]()


def _handler(request: str, answer: Callable[[Any], Any]) -> Any:
    def call(message: Any, context: grpc.ServicerContext) -> Any:
        try:
            return answer(message)
        except (SandboxError, OSError) as error:
            print(f"csi: {error}", flush=True)
            context.abort(grpc.StatusCode.INTERNAL, str(error))

    deserialize = M[request].FromString
    return grpc.unary_unary_rpc_method_handler(call, deserialize, lambda message: message.SerializeToString())


def _server(socket: Path, services: Mapping[str, Mapping[str, Any]]) -> Any:
    socket.parent.mkdir(parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    handlers = [grpc.method_handlers_generic_handler(name, dict(methods)) for name, methods in services.items()]
    server.add_generic_rpc_handlers(tuple(handlers))
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    return server


def _format_if_blank(device: str, kind: str) -> None:
    # blkid(8): 2 if the device is blank; other codes mean data or an error.
    probe = run(["blkid", "--probe", device], check=False)
    if probe.returncode == 2:
        run([f"mkfs.{kind}", *(["-q", "-F"] if kind == "ext4" else ["-q"]), device])
    elif probe.returncode != 0:
        raise SandboxError(f"could not detect the content of {device}: {probe.stderr.strip()}")


def _unmount(target: Path) -> None:
    while os.path.ismount(target):
        run(["umount", target])
