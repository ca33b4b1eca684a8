"""Policies on container images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, SecretText, Stack

_BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_CONTAINER_INSTANCE = "oci:ContainerEngine/containerInstance:ContainerInstance"


def images_by_tag(resource: Resource, _: Stack) -> Iterable[str]:
    """Containers in Kubernetes and in Oracle's container instances with an image that is not named by its digest."""
    property_name = "imageUrl" if resource.type == _CONTAINER_INSTANCE else "image"
    if resource.type.startswith("kubernetes:") or resource.type == _CONTAINER_INSTANCE:
        for image in _images(resource.inputs, property_name):
            if not _BY_DIGEST.search(image):
                shown = "an image" if isinstance(image, SecretText) else image
                yield f"{resource.name} runs {shown}, which has no digest."


def _images(value: Any, property_name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _CONTAINERS and isinstance(inner, Sequence):
                containers = [one for one in inner if isinstance(one, Mapping)]
                yield from (one[property_name] for one in containers if isinstance(one.get(property_name), str))
            yield from _images(inner, property_name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _images(inner, property_name)


POLICIES = (
    Policy(
        "images-by-digest",
        "Every container in Kubernetes and in container instances runs an image named by its digest (`…@sha256:…`).",
        "Someone can move a tag to another program than the one that was reviewed.",
        "pass the reference of the image component (`image.reference`), or pin another image by its digest "
        "(`skopeo inspect --format '{{.Digest}}' docker://<image>`).",
        check=images_by_tag,
    ),
)
