"""The state of the cloud: one JSON file a resource, under .sandbox/cloud/resources/<kind>/<id>.json.

Several engines may run at once and each calls in parallel. Files are replaced whole, so reading needs no lock; whoever writes holds the
one lock of the cloud. Long work (starting a machine) is done without the lock, under a claim on the resource: a claim ends with the
process that holds it, so that interrupted work is recognised. Reading and preview create nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import paths
from sandbox.oci.errors import not_found
from sandbox.oci.host import Host
from sandbox.oci.wire import Properties
from sandbox.process import as_owner

if TYPE_CHECKING:
    from sandbox.oci.resource import Resource

AVAILABILITY_DOMAINS = paths.AVAILABILITY_DOMAINS

# Base32 as in the last part of an OCID (source: OCI documentation, "Resource Identifiers"; 60 characters in all examples).
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_UNIQUE_LENGTH = 60


@dataclass(frozen=True)
class Record:
    """One resource of the cloud.

    kind: the OCID's word for the type, such as "vcn"; properties: what the cloud tells, by the names on the wire; private: what it knows
    and does not tell, such as the container's name; owner: the id of the resource that takes this one along when it goes.
    """

    id: str
    kind: str
    properties: Properties
    private: Properties = field(default_factory=dict)
    owner: str = ""

    def with_properties(self, **properties: object) -> Record:
        """The same with other properties."""
        return replace(self, properties={**self.properties, **properties})

    def with_private(self, **private: object) -> Record:
        """The same with other private knowledge."""
        return replace(self, private={**self.private, **private})


class Cloud:
    """Reads and writes the records. `host` is what plays the hypervisor; `kinds` are the types that can be in the cloud."""

    def __init__(self, root: Path, host: Host, kinds: Mapping[str, Resource]) -> None:
        self.root, self.host, self.kinds = root, host, kinds

    def get(self, kind: str, id: str) -> Record | None:
        """The record, if there is one."""
        if not re.fullmatch(r"[\w.-]+", id):
            return None
        try:
            return Record(**json.loads(self._file(kind, id).read_text()))
        except FileNotFoundError:
            return None

    def all(self, kind: str) -> list[Record]:
        """All records of a kind, in a stable order."""
        found = (self.get(kind, file.stem) for file in sorted((self.root / "resources" / kind).glob("*.json")))
        return [record for record in found if record]

    def everything(self) -> list[Record]:
        """All records there are."""
        return [record for kind in sorted(self.kinds) for record in self.all(kind)]

    def require(self, id: str, *kinds: str) -> Record:
        """The living resource with this OCID. Raises what the cloud says when there is none of these kinds."""
        for kind in kinds:
            record = self.get(kind, id)
            if record and self.kinds[kind].alive(self, record):
                return record
        raise not_found(f"{' or '.join(kinds)} {id}")

    def put(self, record: Record) -> None:
        """Write the record. Only to be called in a transaction."""
        file = self._file(record.kind, record.id)
        file.parent.mkdir(parents=True, exist_ok=True)
        # Beside the locks, and one for all: what a writer that was killed left is no resource, and goes with the next one.
        temporary = self.root / "locks" / "new"
        temporary.unlink(missing_ok=True)
        # Instance metadata may hold keys: for nobody else's eyes.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
            json.dump(asdict(record), sink, indent=1, sort_keys=True)
        as_owner(temporary)
        temporary.replace(file)

    def drop(self, record: Record) -> None:
        """Delete the record and what it owns. Only to be called in a transaction."""
        for owned in self.everything():
            if owned.owner == record.id:
                self.drop(owned)
        self._file(record.kind, record.id).unlink(missing_ok=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """The right to write, for one thread of one process at a time. Not re-entrant."""
        with self._locked("cloud"):
            yield

    @contextmanager
    def claim(self, id: str) -> Iterator[None]:
        """Work on this resource which takes long and goes on outside of transactions."""
        with self._locked(f"claim-{id}") as lock:
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def claimed(self, id: str) -> bool:
        """Whether a process that lives works on this resource."""
        try:
            with (self.root / "locks" / f"claim-{id}").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def _locked(self, name: str) -> Iterator[Path]:
        path = self.root / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            with path.open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                # Who held it may have deleted the file: the lock of that one keeps nobody out.
                if _is_at(path, lock.fileno()):
                    yield path
                    return

    def _file(self, kind: str, id: str) -> Path:
        return self.root / "resources" / kind / f"{id}.json"


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def new_id(kind: str) -> str:
    """An OCID as the cloud makes them (source: OCI documentation, "Resource Identifiers")."""
    unique = "".join(secrets.choice(_ALPHABET) for _ in range(_UNIQUE_LENGTH))
    return f"ocid1.{kind}.oc1.{paths.REGION}.{unique}"


def now() -> str:
    """The time as the provider prints times (Go's Time.String of a time in UTC)."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " +0000 UTC"
