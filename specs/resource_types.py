"""Resource types that several parts of the project treat in a special way, as Pulumi's type tokens."""

from __future__ import annotations

ROOT = "pulumi:pulumi:Stack"
CLUSTER = "oci:ContainerEngine/cluster:Cluster"
INSTANCE = "oci:Core/instance:Instance"
VOLUME = "oci:Core/volume:Volume"
REPOSITORY = "oci:Artifacts/containerRepository:ContainerRepository"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"

HOLDS_DATA = {
    VOLUME: "a block volume",
    REPOSITORY: "a repository with its images",
    "oci:ObjectStorage/bucket:Bucket": "a bucket",
    "oci:FileStorage/fileSystem:FileSystem": "a file system",
    CLAIM: "a claim with its volume",
    "kubernetes:core/v1:PersistentVolume": "a volume of a cluster",
    "kubernetes:core/v1:Namespace": "a namespace with every claim in it",
}
"""Types that hold somebody's data, and what a person calls them."""
