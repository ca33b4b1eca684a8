"""Which resources hold somebody's data, and how what was kept of them is taken over again."""

from __future__ import annotations

from operations.review.values import code
from specs.shell import quoted

CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
HOLDS_DATA = {
    "oci:Core/volume:Volume": "a block volume",
    "oci:Artifacts/containerRepository:ContainerRepository": "a repository with its images",
    "oci:ObjectStorage/bucket:Bucket": "a bucket",
    "oci:FileStorage/fileSystem:FileSystem": "a file system",
    CLAIM: "a claim with its volume",
    "kubernetes:core/v1:PersistentVolume": "a volume of a cluster",
    "kubernetes:core/v1:Namespace": "a namespace with every claim in it",
}

# Keys of Pulumi.yaml.
_TAKEN_OVER_BY = {
    "oci:Core/volume:Volume": "dataVolumeId",
    "oci:Artifacts/containerRepository:ContainerRepository": "repositoryId",
}


def take_over(type_token: str, identifier: str, volume_of_claim: str = "") -> list[str]:
    """How the stack takes over what was kept, as Markdown: one sentence or none.

    volume_of_claim: where the cluster goes too, and with it what is in it: the OCID of the volume behind the claim.
    """
    key = _TAKEN_OVER_BY.get(type_token)
    if key:
        return [f"to take it over again: {code(f'pulumi config set {key} {quoted(identifier)}')}"]
    if volume_of_claim:
        how = code(f"pulumi config set dataVolumeId {quoted(volume_of_claim)}")
        return [f"its cluster goes, its volume stays; to take that over again: {how}"] if type_token == CLAIM else []
    if type_token.startswith("kubernetes:") and type_token in HOLDS_DATA:
        return ["the next `up` of a stack of the same name takes it over again"]
    return []
