"""Types whose making and unmaking takes long: done outside of transactions, under a claim, and never left half done.

What was made by a process that died is undone; what is gone by hand is gone.
"""

from __future__ import annotations

import contextlib

from typing_extensions import override

from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.errors import FailedError
from sandbox.oci.resource import Resource
from sandbox.oci.wire import Properties


class SlowResource(Resource):
    """For a type to say: `start`, `stop`, `there`. The state is CREATING, ACTIVE or DELETING, as of OKE's resources."""

    def named(self, record: Record) -> Record:
        """The record with the names of what will be made, so that it can be found again whatever happens."""
        return record

    def start(self, cloud: Cloud, record: Record) -> Record:
        """Make it; the record with what is known then."""
        raise NotImplementedError

    def stop(self, cloud: Cloud, record: Record) -> None:
        """Unmake it; content when it is gone."""
        raise NotImplementedError

    def there(self, cloud: Cloud, record: Record) -> bool:
        """Whether what was made is still there."""
        raise NotImplementedError

    @override
    def create(self, cloud: Cloud, inputs: Properties) -> Record:
        id = self.new_id(inputs)
        with cloud.claim(id):
            with cloud.transaction():
                record = self.named(self.draft(cloud, id, inputs)).with_properties(state="CREATING")
                cloud.put(record)
            try:
                active = self.start(cloud, record).with_properties(state="ACTIVE")
                with cloud.transaction():
                    cloud.put(active)
                return active
            except BaseException as error:
                # What failed is what matters to the caller.
                with contextlib.suppress(Exception):
                    self.stop(cloud, record)
                with cloud.transaction():
                    cloud.drop(record)
                if not isinstance(error, Exception):
                    raise
                raise FailedError(id, self.outputs(record), str(error)) from error

    @override
    def delete(self, cloud: Cloud, id: str) -> None:
        with cloud.claim(id):
            with cloud.transaction():
                record = cloud.get(self.kind, id)
                if record is None:
                    return
                self.refuse_while_used(cloud, record)
                cloud.put(record.with_properties(state="DELETING"))
            try:
                self.stop(cloud, record)
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
        return record.properties["state"] == "ACTIVE" and self.there(cloud, record)

    @override
    def forget(self, cloud: Cloud, record: Record) -> None:
        self.stop(cloud, record)
        cloud.drop(record)
