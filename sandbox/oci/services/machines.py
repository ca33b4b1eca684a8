"""The life of an instance as a machine of the sandbox.

A machine that was removed by hand is a terminated instance, which the provider takes for none (core_instance_resource.go, DeletedTarget).
A launch or a termination whose process died is finished as a termination. Starting, stopping and resizing take long and are done outside
of transactions.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Mapping

from typing_extensions import override

from sandbox import paths
from sandbox.machine import MachineSpec
from sandbox.oci import firewall
from sandbox.oci.cloud import Cloud, Record, new_id
from sandbox.oci.errors import FailedError
from sandbox.oci.resource import Resource
from sandbox.oci.wire import Properties

_RESIZING = "resizing"


class MachineResource(Resource):
    """A resource type whose resources are machines. private: machine, the container's name; address; vnicId; firewall; resizing."""

    @override
    def create(self, cloud: Cloud, inputs: Properties) -> Record:
        id = self.new_id(inputs)
        name = f"{paths.MACHINE_PREFIX}{id[-12:]}"
        with cloud.claim(id):
            with cloud.transaction():
                self._bury_all(cloud)
                record = self.draft(cloud, id, inputs).with_private(machine=name, vnicId=new_id("vnic"))
                cloud.put(record)
            try:
                state = cloud.host.machines.create(_spec(name, record.properties))
                with cloud.transaction():
                    cloud.put(_addressed(record.with_private(address=state.address).with_properties(state="RUNNING")))
                    firewall.sync(cloud)
                    return cloud.get(self.kind, id) or record
            except BaseException as error:
                # What failed is what matters to the caller.
                with contextlib.suppress(Exception):
                    cloud.host.machines.remove(name)
                with cloud.transaction():
                    cloud.drop(record)
                if not isinstance(error, Exception):
                    raise
                raise FailedError(id, self.outputs(record.with_properties(state="TERMINATED")), str(error)) from error

    @override
    def update(self, cloud: Cloud, id: str, inputs: Properties) -> Record:
        before = cloud.require(id, self.kind)
        self.plan(before.properties, inputs)
        # While it is resized there is no machine for a moment, which is not to be taken for a termination.
        with cloud.claim(id):
            resized = _power(self.updated(before.properties, inputs)) != _power(before.properties)
            # Of a resize whose process was killed the machine may be stopped, or as it was.
            resized |= before.private.get(_RESIZING, False)
            if resized:
                self._note(cloud, id, resizing=True)
            try:
                after = super().update(cloud, id, inputs)
                if resized:
                    cloud.host.machines.resize(after.private["machine"], *_power(after.properties))
            except BaseException:
                with cloud.transaction():
                    cloud.put(before)
                raise
            if resized:
                after = self._note(cloud, id, resizing=False)
        return after

    def _note(self, cloud: Cloud, id: str, resizing: bool) -> Record:
        with cloud.transaction():
            record = cloud.require(id, self.kind).with_private(**{_RESIZING: resizing})
            cloud.put(record)
            return record

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        if record:
            cloud.put(_addressed(record))
        firewall.sync(cloud)

    @override
    def delete(self, cloud: Cloud, id: str) -> None:
        with cloud.claim(id):
            with cloud.transaction():
                record = cloud.get(self.kind, id)
                if record is None:
                    return
                cloud.put(record.with_properties(state="TERMINATING"))
            try:
                cloud.host.machines.remove(record.private["machine"])
            except BaseException:
                with cloud.transaction():
                    cloud.put(record)
                raise
            with cloud.transaction():
                cloud.drop(record)

    @override
    def alive(self, cloud: Cloud, record: Record) -> bool:
        if cloud.claimed(record.id):
            return True
        if record.properties["state"] in ("PROVISIONING", "TERMINATING"):
            return False
        return cloud.host.machines.inspect(record.private["machine"]) is not None

    @override
    def forget(self, cloud: Cloud, record: Record) -> None:
        cloud.host.machines.remove(record.private["machine"])
        cloud.drop(record)

    def _bury_all(self, cloud: Cloud) -> None:
        """So that no terminated instance holds an address or a name."""
        for record in cloud.all(self.kind):
            if not self.alive(cloud, record):
                self.forget(cloud, record)

    @override
    def seen(self, cloud: Cloud, record: Record) -> Properties:
        machine = cloud.host.machines.inspect(record.private["machine"])
        if machine is None or cloud.claimed(record.id):
            return record.properties
        address = machine.address or record.private["address"]
        return _addressed(
            record.with_private(address=address).with_properties(state="RUNNING" if machine.running else "STOPPED")
        ).properties


def _addressed(record: Record) -> Record:
    """The machine's address on the sandbox's network is told as the public one, if there is to be one."""
    public = record.properties["createVnicDetails"]["assignPublicIp"] == "true"
    return record.with_properties(publicIp=record.private["address"] if public else "")


def _spec(name: str, properties: Properties) -> MachineSpec:
    label = properties["createVnicDetails"].get("hostnameLabel") or re.sub(
        r"[^a-z0-9]+", "-", properties["displayName"].lower()
    )
    metadata: Mapping[str, str] = properties["metadata"]
    cpus, memory = _power(properties)
    return MachineSpec(
        name=name,
        hostname=label.strip("-")[:63] or "instance",
        user_data=base64.b64decode(metadata.get("user_data", "")),
        ssh_authorized_keys=metadata.get("ssh_authorized_keys", ""),
        cpus=cpus,
        memory_gb=memory,
    )


def _power(properties: Properties) -> tuple[float, float]:
    return float(properties["shapeConfig"]["vcpus"]), float(properties["shapeConfig"]["memoryInGbs"])
