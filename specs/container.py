"""The app's container: what podman and Kubernetes both run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STOP_TIMEOUT_SECONDS = 30
"""After SIGTERM, until the container is killed."""


@dataclass(frozen=True)
class ContainerSpec:
    """One container of the app, without the reference of its image."""

    # Of the app.
    name: str
    # TCP, in the container and, on an instance, on its loopback.
    port: int
    # Nothing secret.
    environment: Mapping[str, str]
    # Names of the files in SECRETS_PATH, sorted.
    secret_names: Sequence[str]
    # Folder on the data volume.
    data_path: str
    # Answers 200 without a login.
    health_path: str
    # Numeric user and group.
    user_id: int
    # Limit, in GB.
    memory_gb: int

    @property
    def half_memory_mb(self) -> int:
        """In MiB: the size limit of /dev/shm and of a /tmp in memory, which count as memory of the container."""
        return self.memory_gb * 512

    def variables(self, **more: str) -> dict[str, str]:
        """The whole environment, sorted: one value decides where the app listens and what it keeps, whatever its image says."""
        given = {"PORT": str(self.port), "DATA_PATH": self.data_path, "HOME": self.data_path}
        return dict(sorted({**self.environment, **given, **more}.items()))
