"""What runs is what was built and looked at."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policy.rule import Policy, Resource, Stack

_BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_COMMANDS = ("command:remote:Command", "command:local:Command")
# The options between podman and its verb take no value that matters here.
_RUNS = re.compile(r"\b(podman|docker|nerdctl)\s+(?:container\s+|image\s+)?(?:-\S+\s+)*(run|pull|create)\b.*")
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def is_by_digest(reference: str) -> bool:
    """Does the reference name one image for ever?"""
    return bool(_BY_DIGEST.search(reference))


def images_by_tag(resource: Resource, _: Stack) -> Iterable[str]:
    """Containers of Kubernetes, of Oracle's container instances, and of podman in a command, whose image is not named by its digest."""
    if resource.type.startswith("kubernetes:"):
        for image in _images(resource.inputs):
            if not is_by_digest(image):
                yield f"{resource.name} runs {image}, which names no digest."
    if resource.type in _COMMANDS:
        for name in ("create", "update"):
            script = resource.at(name)
            # A line within quotes is found twice.
            for line in dict.fromkeys(_runs(script) if isinstance(script, str) else ()):
                yield f"{resource.name} runs an image which names no digest, in its {name}: {line}"


def _images(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _CONTAINERS and isinstance(inner, Sequence):
                containers = [one for one in inner if isinstance(one, Mapping)]
                yield from (one["image"] for one in containers if isinstance(one.get("image"), str))
            yield from _images(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _images(inner)


def _runs(script: str) -> Iterator[str]:
    """The lines that run or pull an image without its digest; scripts within quotes are looked into (`sudo bash -c '…'`)."""
    for line in re.sub(r"\\\n", " ", script).splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = line.split()
        nested = [word for word in words if "\n" in word]
        found = _RUNS.search(line.partition(" #")[0])
        if found and not nested and not any(is_by_digest(word) for word in words):
            yield found[0][:120]
    for word in _quoted(script):
        yield from _runs(word)


def _quoted(script: str) -> Iterator[str]:
    try:
        words = shlex.split(script)
    except ValueError:
        return
    yield from (word for word in words if word != script and re.search(r"\s", word))


POLICIES = (
    Policy(
        "images-by-digest",
        "Every container runs an image named by its digest (`…@sha256:…`): in Kubernetes, and in commands that call podman or docker.",
        "A tag can be moved, so that another program runs than the one that was reviewed.",
        "pass the reference that the image's component gives (`image.reference`), or pin another image by its digest "
        "(`skopeo inspect --format '{{.Digest}}' docker://<image>`).",
        check=images_by_tag,
    ),
)
