"""The app as Kubernetes runs it, and the names of its objects."""

from __future__ import annotations

from dataclasses import dataclass

from specs.container import ContainerSpec


@dataclass(frozen=True)
class AppSpec:
    """One app as Kubernetes runs it."""

    container: ContainerSpec
    namespace: str
    # Becomes the label `ver`.
    version: str
    # Limit of a pod.
    cpus: int
    replicas: int
    storage_class: str
    access_mode: str
    # Size of the claim.
    volume_gb: int
    # OCID of a block volume to adopt, or "".
    volume_id: str
    # Whether the data stay when the stack goes.
    retained: bool
    # Of the secret files.
    fingerprint: str

    @property
    def name(self) -> str:
        """The app's."""
        return self.container.name

    @property
    def pull_secret(self) -> str:
        """Name of the secret with the registry's login."""
        return f"{self.name}-registry"

    @property
    def files_secret(self) -> str:
        """Name of the secret with the app's files."""
        return f"{self.name}-files"

    @property
    def claim(self) -> str:
        """Name of the PersistentVolumeClaim."""
        return f"{self.name}-data"

    @property
    def volume(self) -> str:
        """Name of the PersistentVolume of an adopted volume; they have no namespace."""
        return f"{self.namespace}-data"
