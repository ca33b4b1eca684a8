"""Core services, compute: images.

The images are a list of names (images.json) like Oracle's own; whatever image an instance is made from, its machine is the sandbox's one.
A file cloud/images.json of the same form adds to them, so that a newer image can appear; one with a `compartmentId` is a custom image, and
`isPvEncryptionInTransitEnabled: false` is of one that cannot be encrypted in transit.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path

from sandbox import paths
from sandbox.oci import checks
from sandbox.oci.cloud import Cloud
from sandbox.oci.errors import not_found
from sandbox.oci.function import Function, filtered
from sandbox.oci.services.shapes import SHAPES
from sandbox.oci.wire import Properties

# Platform images are listed in their newest three versions; older ones can still be launched from
# (source: OCI documentation, "Platform Images").
_LISTED = 3


def image_id(name: str) -> str:
    """The OCID of the image with this display name: always the same."""
    digest = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode().lower()
    return f"ocid1.image.oc1.{paths.REGION}.aaaaaaaa{digest[:52]}"


def processor(cloud: Cloud, id: str) -> str | None:
    """The instruction set of the image, None when there is no such image."""
    return next((image["processor"] for image in _images(cloud) if image["id"] == id), None)


def encrypts_in_transit(cloud: Cloud, id: str) -> bool:
    """Whether volumes of an instance of this image can be encrypted in transit."""
    [image] = [image for image in _images(cloud) if image["id"] == id]
    return bool(image["launchOptions"][0]["isPvEncryptionInTransitEnabled"])


def _images(cloud: Cloud) -> list[Properties]:
    """All images there ever were, newest first."""
    extra = cloud.root / "images.json"
    listed = [*_built_in(), *(json.loads(extra.read_text()) if extra.exists() else [])]
    made = [_image(image) for image in listed]
    return sorted(made, key=lambda image: (image["timeCreated"], image["displayName"]), reverse=True)


@functools.cache
def _built_in() -> list[Properties]:
    return list(json.loads(Path(__file__).with_name("images.json").read_text()))


def _image(listed: Properties) -> Properties:
    launch: Properties = {"bootVolumeType": "PARAVIRTUALIZED", "firmware": "UEFI_64", "networkType": "PARAVIRTUALIZED"}
    launch |= {
        "remoteDataVolumeType": "PARAVIRTUALIZED",
        "isConsistentVolumeNamingEnabled": True,
        "isPvEncryptionInTransitEnabled": listed.get("isPvEncryptionInTransitEnabled", True),
    }
    return {
        **{name: value for name, value in listed.items() if name != "isPvEncryptionInTransitEnabled"},
        "id": image_id(listed["displayName"]),
        "agentFeatures": [{"isManagementSupported": True, "isMonitoringSupported": True}],
        "baseImageId": "",
        # Of a custom image alone (source: core_images_data_source.go).
        "compartmentId": listed.get("compartmentId", ""),
        "createImageAllowed": True,
        "definedTags": {},
        "freeformTags": {},
        "launchMode": "NATIVE",
        "launchOptions": [launch],
        "listingType": "",
        "sizeInMbs": "47694",
        "billableSizeInGbs": "8",
        "state": "AVAILABLE",
    }


def _get_images(cloud: Cloud, arguments: Properties) -> Properties:
    every = _images(cloud)
    newest: dict[tuple[str, str, str], list[Properties]] = {}
    for image in every:
        if image["compartmentId"]:
            continue
        newest.setdefault((image["operatingSystem"], image["operatingSystemVersion"], image["processor"]), []).append(
            image
        )
    found = [image for images in newest.values() for image in images[:_LISTED]]
    found += [image for image in every if image["compartmentId"] == arguments["compartmentId"]]
    for name in ("displayName", "operatingSystem", "operatingSystemVersion", "state"):
        found = [image for image in found if arguments.get(name) in (None, image[name])]
    if shape := arguments.get("shape"):
        found = [image for image in found if image["processor"] == SHAPES[shape].processor]
    # source: OCI API, ListImages: names ascend and times descend unless told otherwise.
    by = "displayName" if arguments.get("sortBy") == "DISPLAYNAME" else "timeCreated"
    order = arguments.get("sortOrder", "ASC" if by == "displayName" else "DESC")
    found.sort(key=lambda image: (image[by], image["displayName"]), reverse=order == "DESC")
    return {"images": [_told(image) for image in filtered(found, arguments)]}


def _get_image(cloud: Cloud, arguments: Properties) -> Properties:
    for image in _images(cloud):
        if image["id"] == arguments["imageId"]:
            return _told(image)
    raise not_found(f"image {arguments['imageId']}")


def _told(image: Properties) -> Properties:
    return {name: value for name, value in image.items() if name != "processor"}


FUNCTIONS = (
    Function("oci:Core/getImage:getImage", _get_image),
    Function(
        "oci:Core/getImages:getImages",
        _get_images,
        {
            "sortBy": checks.one_of("TIMECREATED", "DISPLAYNAME"),
            "sortOrder": checks.one_of("ASC", "DESC"),
            "shape": checks.one_of(*SHAPES),
        },
    ),
)
