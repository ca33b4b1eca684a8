"""Images as the sandbox's registry publishes them."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import requests

from sandbox import account, paths
from tests.support.machine import session

Get = Callable[[str, str], requests.Response]
"""`get(kind, reference)`: the answer, streamed, to a GET of /v2/<repository>/<kind>/<reference>; kind: "manifests" or "blobs"."""

MANIFESTS = (
    *("oci.image.index.v1", "oci.image.manifest.v1"),
    *("docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2"),
)


def getter(repository: str) -> Get:
    """Return the getter of a repository, "<host>/<namespace>/<name>"."""
    host, _, name = repository.partition("/")

    def get(kind: str, reference: str) -> requests.Response:
        http = _http()
        http.headers["Accept"] = ", ".join(f"application/vnd.{kind}+json" for kind in MANIFESTS)
        answer = http.get(f"https://{host}/v2/{name}/{kind}/{reference}", stream=True, timeout=60)
        answer.raise_for_status()
        return answer

    return get


def delete(repository: str, digest: str) -> None:
    """Delete a manifest of a repository, "<host>/<namespace>/<name>"."""
    host, _, name = repository.partition("/")
    with _http() as http:
        http.delete(f"https://{host}/v2/{name}/manifests/{digest}", timeout=60).raise_for_status()


def images(reference: str) -> dict[str, str]:
    """Platform to the digest of its image in the index "<repository>@<digest>" or "<repository>:<tag>".

    Attestations have the platform unknown/unknown (source: BuildKit, docs/attestations/attestation-storage.md).
    """
    repository, index = _split(reference)
    entries = json.loads(getter(repository)("manifests", index).content)["manifests"]
    named = ((f"{one['platform']['os']}/{one['platform']['architecture']}", one["digest"]) for one in entries)
    return {platform: digest for platform, digest in named if platform != "unknown/unknown"}


def configuration(reference: str, platform: str) -> Any:
    """The configuration of one platform's image of an index."""
    get = getter(_split(reference)[0])
    manifest = json.loads(get("manifests", images(reference)[platform]).content)
    return json.loads(get("blobs", manifest["config"]["digest"]).content)


def attestations(reference: str) -> dict[str, dict[str, Any]]:
    """Platform to the predicates of its attestations, by their type (source: BuildKit, docs/attestations/attestation-storage.md)."""
    repository, index = _split(reference)
    get = getter(repository)
    platforms = {digest: platform for platform, digest in images(reference).items()}
    found: dict[str, dict[str, Any]] = {}
    for entry in json.loads(get("manifests", index).content)["manifests"]:
        if attested := entry.get("annotations", {}).get("vnd.docker.reference.digest"):
            for layer in json.loads(get("manifests", entry["digest"]).content)["layers"]:
                statement = json.loads(get("blobs", layer["digest"]).content)
                predicates = found.setdefault(platforms[attested], {})
                predicates[layer["annotations"]["in-toto.io/predicate-type"]] = statement["predicate"]
    return found


def layers(reference: str, platform: str) -> list[str]:
    """The digests of the layers of one platform's image, those of the base first."""
    repository, _ = _split(reference)
    manifest: dict[str, Any] = json.loads(getter(repository)("manifests", images(reference)[platform]).content)
    return [layer["digest"] for layer in manifest["layers"]]


def files(reference: str, digest: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The entries of a layer with their content, which is empty unless the entry is a regular file."""
    repository, _ = _split(reference)
    answer = getter(repository)("blobs", digest)
    with tarfile.open(fileobj=answer.raw, mode="r|gz") as tar:
        for entry in tar:
            content = tar.extractfile(entry) if entry.isreg() else None
            yield entry, content.read() if content else b""


def packages(reference: str) -> dict[str, set[str]]:
    """Platform to the Python packages in its image as "<name>==<version>"."""
    found: dict[str, set[str]] = {}
    for platform in images(reference):
        names = (entry.name for layer in layers(reference, platform) for entry, _ in files(reference, layer))
        metadata = filter(None, (re.search(r"([^/]+)-([^/]+)\.dist-info/METADATA$", name) for name in names))
        found[platform] = {f"{one[1]}=={one[2]}" for one in metadata}
    return found


def _http() -> requests.Session:
    http = session()
    http.verify = str(paths.CA_BUNDLE)
    http.auth = (paths.REGISTRY_USER, account.registry_token())
    return http


def _split(reference: str) -> tuple[str, str]:
    repository, at, digest = reference.partition("@")
    if at:
        return repository, digest
    repository, _, tag = reference.rpartition(":")
    return repository, tag
