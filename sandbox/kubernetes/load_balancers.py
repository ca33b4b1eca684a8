"""Emulates Oracle's controller of Services of type LoadBalancer: addresses, listeners and a record in the cloud.

A load balancer is an address of the control plane's container with listeners of HAProxy. In the cloud, it is a resource that survives its
cluster unless its Service is deleted first, and its subnet cannot be deleted meanwhile. The record has the same effect here. Like Oracle's
controller, this one ignores a changed subnet or `internal` of an existing load balancer (source: oci-cloud-controller-manager 1.35,
load_balancer.go: updateLoadBalancer sets neither).
"""

from __future__ import annotations

import base64
import hashlib
import signal
import subprocess
import time
from pathlib import Path

from sandbox import address, paths
from sandbox.kubernetes import folders, haproxy, service_annotations
from sandbox.kubernetes.api import Api, ApiError, Json, event
from sandbox.kubernetes.service_annotations import RefusedError, Wanted
from sandbox.kubernetes.supervise import Supervisor
from sandbox.oci import catalogue
from sandbox.oci.cloud import Record, new_id, now
from sandbox.process import run, write_if_changed

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
KIND = "loadbalancer"
_RUN = Path("/run/haproxy")
_COMPONENT = "service-controller"
# An error that persists is reported again after this time.
_SECONDS_BETWEEN_EVENTS = 60


class LoadBalancers:
    """The load balancers of a cluster. spec: its ClusterSpec."""

    def __init__(self, api: Api, spec: Json, supervisor: Supervisor) -> None:
        self._api, self._spec, self._supervisor = api, spec, supervisor
        self._cloud = catalogue.cloud()
        self._process: subprocess.Popen[bytes] | None = None
        self._reported: dict[str, tuple[str, float]] = {}
        self._addresses: set[str] = set()

    def reconcile(self) -> None:
        """Handle all Services and load balancers of the cluster once."""
        backends = self._backends()
        served: list[tuple[Json, Record]] = []
        listeners: list[haproxy.Listener] = []
        for service in self._services():
            if not _wants_one(service):
                self._remove(service)
                continue
            try:
                wanted = service_annotations.wanted(service)
                record = self._ensured(service, wanted)
                listeners += self._listeners(record, wanted, backends)
                served.append((service, record))
            except RefusedError as error:
                self._refuse(service, str(error))
        self._serve(listeners)
        for service, record in served:
            self._publish_address(service, record)

    def _services(self) -> list[Json]:
        every = ({**one, "kind": "Service", "apiVersion": "v1"} for one in self._api.items("/api/v1/services"))
        return [one for one in every if FINALIZER in (one["metadata"].get("finalizers") or []) or _wants_one(one)]

    def _ensured(self, service: Json, wanted: Wanted) -> Record:
        """Create or update the load balancer of a Service. Raises RefusedError."""
        record = self._of(service["metadata"]["uid"])
        subnet = record.properties["subnetIds"][0] if record else self._subnet(wanted)
        for group in wanted.groups:
            if self._cloud.get("networksecuritygroup", group) is None:
                raise RefusedError(f"404-NotAuthorizedOrNotFound, network security group {group}")
        low, high = wanted.bandwidth
        properties = {
            "subnetIds": [subnet],
            "networkSecurityGroupIds": list(wanted.groups),
            "isPrivate": record.properties["isPrivate"] if record else wanted.internal,
            "shape": "flexible",
            "shapeDetails": {"minimumBandwidthInMbps": low, "maximumBandwidthInMbps": high},
        }
        if record is None:
            self._api.patch(_path(service), {"metadata": {"finalizers": _finalizers(service, add=True)}})
            self._event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
            return self._create(service, properties)
        if any(record.properties[name] != value for name, value in properties.items()):
            with self._cloud.transaction():
                record = record.with_properties(**properties)
                self._cloud.put(record)
        self._add_address(record)
        return record

    def _subnet(self, wanted: Wanted) -> str:
        named = wanted.subnet or next(iter(self._spec["load_balancer_subnets"]), "")
        if not named:
            raise RefusedError("a subnet must be specified for creating a load balancer")
        subnet = self._cloud.get("subnet", named)
        if subnet is None:
            raise RefusedError(f"404-NotAuthorizedOrNotFound, subnet {named}")
        if not wanted.internal and subnet.properties["prohibitPublicIpOnVnic"]:
            raise RefusedError(f"400-InvalidParameter, a public load balancer cannot be in the private subnet {named}")
        return named

    def _create(self, service: Json, properties: Json) -> Record:
        uid = service["metadata"]["uid"]
        id = new_id(KIND)
        holder = f"{folders.LOAD_BALANCER_PREFIX}{id[-12:]}"
        own = address.reserve(holder)
        common = {"compartmentId": self._spec["compartment"], "state": "ACTIVE", "timeCreated": now()}
        details = [{"ipAddress": own, "isPublic": not properties["isPrivate"]}]
        record = Record(id, KIND, {**common, **properties, "displayName": uid, "ipAddressDetails": details})
        with self._cloud.transaction():
            record = record.with_private(service=uid, cluster=self._spec["id"], holder=holder, address=own)
            self._cloud.put(record)
        self._add_address(record)
        return record

    def _add_address(self, record: Record) -> None:
        own = record.private["address"]
        if own not in self._addresses:
            run(["ip", "address", "replace", f"{own}/{paths.SUBNET.prefixlen}", "dev", "eth0"])
            address.announce(own)
            self._addresses.add(own)

    def _listeners(self, record: Record, wanted: Wanted, backends: tuple[str, ...]) -> list[haproxy.Listener]:
        certificate = self._certificate(record, *wanted.secret) if wanted.secret else None
        return [
            haproxy.Listener(
                name=f"{record.id[-12:]}-{port}",
                address=record.private["address"],
                port=port,
                protocol=wanted.protocol,
                idle=wanted.idle,
                certificate=certificate if port in wanted.ssl_ports else None,
                backends=backends,
                node_port=node_port,
            )
            for port, node_port in wanted.ports
            if node_port
        ]

    def _certificate(self, record: Record, namespace: str, name: str) -> Path:
        """Write and return the listener's certificate; its name depends on its content, so a new one changes the configuration."""
        try:
            data = self._api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}").get("data") or {}
        except ApiError as error:
            raise RefusedError(f"could not read the certificate: {error}") from None
        if missing := [key for key in ("tls.crt", "tls.key") if not data.get(key)]:
            raise RefusedError(f"the secret {namespace}/{name} has no {missing[0]}")
        pem = b"\n".join(base64.b64decode(data[key]) for key in ("tls.crt", "tls.key"))
        file = _RUN / f"{record.id[-12:]}-{hashlib.sha256(pem).hexdigest()[:12]}.pem"
        if not file.exists():
            write_if_changed(file, pem, 0o600)
            if run(["openssl", "x509", "-noout", "-in", file], check=False).returncode:
                file.unlink()
                raise RefusedError(f"the secret {namespace}/{name} does not contain a certificate")
        return file

    def _publish_address(self, service: Json, record: Record) -> None:
        ingress = [{"ip": record.private["address"], "ipMode": "VIP"}]
        if (service.get("status", {}).get("loadBalancer") or {}).get("ingress") != ingress:
            self._api.patch(f"{_path(service)}/status", {"status": {"loadBalancer": {"ingress": ingress}}})
            self._event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")
            self._reported.pop(service["metadata"]["uid"], None)

    def _refuse(self, service: Json, message: str) -> None:
        uid = service["metadata"]["uid"]
        reported, when = self._reported.get(uid, ("", 0.0))
        if reported != message or time.monotonic() > when + _SECONDS_BETWEEN_EVENTS:
            self._reported[uid] = message, time.monotonic()
            text = f"Error syncing load balancer: failed to ensure load balancer: {message}"
            self._event(service, "Warning", "SyncLoadBalancerFailed", text)

    def _remove(self, service: Json) -> None:
        """Delete the load balancer of a Service that is being deleted or has changed its type."""
        if record := self._of(service["metadata"]["uid"]):
            own = record.private["address"]
            run(["ip", "address", "delete", f"{own}/{paths.SUBNET.prefixlen}", "dev", "eth0"], check=False)
            self._addresses.discard(own)
            address.release(record.private["holder"])
            with self._cloud.transaction():
                self._cloud.drop(record)
            self._event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")
        path = _path(service)
        if not service["metadata"].get("deletionTimestamp"):
            self._api.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": None}}})
        self._api.patch(path, {"metadata": {"finalizers": _finalizers(service, add=False)}})

    def _of(self, uid: str) -> Record | None:
        own = self._spec["id"]
        every = self._cloud.all(KIND)
        return next((one for one in every if (one.private["cluster"], one.private["service"]) == (own, uid)), None)

    def _backends(self) -> tuple[str, ...]:
        """Return the nodes' addresses. As in the cloud, the health check excludes nodes that are not ready."""
        found = []
        for node in self._api.items("/api/v1/nodes"):
            excluded = "node.kubernetes.io/exclude-from-external-load-balancers" in (
                node["metadata"].get("labels") or {}
            )
            addresses = {one["type"]: one["address"] for one in node["status"].get("addresses") or []}
            if not excluded and "InternalIP" in addresses:
                found.append(addresses["InternalIP"])
        return tuple(sorted(found))

    def _serve(self, listeners: list[haproxy.Listener]) -> None:
        file = _RUN / "haproxy.cfg"
        changed = write_if_changed(file, haproxy.configuration(sorted(listeners, key=lambda one: one.name)))
        if self._process is None:
            self._process = self._supervisor.start("haproxy", ["haproxy", "-W", "-f", file])
        elif changed:
            # The old process keeps open connections (source: HAProxy management guide, "Stopping and restarting").
            self._process.send_signal(signal.SIGUSR2)

    def _event(self, service: Json, kind: str, reason: str, message: str) -> None:
        event(self._api, service, kind, reason, message, _COMPONENT)


def _wants_one(service: Json) -> bool:
    spec = service["spec"]
    lasting = "deletionTimestamp" not in service["metadata"]
    return lasting and spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")


def _path(service: Json) -> str:
    return f"/api/v1/namespaces/{service['metadata']['namespace']}/services/{service['metadata']['name']}"


def _finalizers(service: Json, *, add: bool) -> list[str]:
    others = [one for one in service["metadata"].get("finalizers") or [] if one != FINALIZER]
    return [*others, FINALIZER] if add else others
