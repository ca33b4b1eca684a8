"""What the program makes of the cloud's lists: images, domains, versions, services."""

from __future__ import annotations

from typing import Any

import pytest

from specs.lookups import NothingFoundError
from tests.unit.kubernetes_values import kubernetes_stack
from tests.unit.recorded_program import ANSWERS, run_program

__all__ = ["kubernetes_stack"]


def test_the_instance_is_made_from_a_platform_image_not_from_a_newer_custom_one(values: dict[str, Any]) -> None:
    source = run_program(values).resources["jupyterlab-instance"].inputs["sourceDetails"]
    assert source["sourceId"] == "ocid1.image.newest"


@pytest.mark.parametrize(
    ("image_id", "allowed"),
    [("", True), ("ocid1.image.oc1.eu-frankfurt-1.old", True), ("ocid1.image.oc1.eu-frankfurt-1.theirs", False)],
)
def test_volumes_are_encrypted_in_transit_where_the_image_allows_it(
    values: dict[str, Any], image_id: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"launchOptions": [{"isPvEncryptionInTransitEnabled": allowed}]}
    monkeypatch.setitem(ANSWERS, "oci:Core/getImage:getImage", lambda args: {args["imageId"]: options}[image_id])
    made = run_program({**values, "imageId": image_id}).resources
    for name in ("jupyterlab-instance", "jupyterlab-data-attachment"):
        assert made[name].inputs["isPvEncryptionInTransitEnabled"] is allowed


@pytest.mark.parametrize(
    ("target", "function", "answer", "key"),
    [
        ("instance", "Core/getImages", {"images": []}, "operatingSystemVersion"),
        ("instance", "Identity/getAvailabilityDomains", {"availabilityDomains": []}, "availabilityDomain"),
        ("kubernetes", "Identity/getAvailabilityDomains", {"availabilityDomains": []}, "availabilityDomain"),
        ("kubernetes", "Core/getServices", {"services": []}, "clusterId"),
        ("kubernetes", "ContainerEngine/getClusterOption", {"kubernetesVersions": []}, "kubernetesVersion"),
        ("kubernetes", "ContainerEngine/getNodePoolOption", {"sources": []}, "kubernetesVersion"),
    ],
)
def test_an_empty_list_names_the_key_and_the_command(
    values: dict[str, Any],
    kubernetes_stack: dict[str, Any],
    target: str,
    function: str,
    answer: dict[str, Any],
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ANSWERS, f"oci:{function}:{function.partition('/')[2]}", answer)
    with pytest.raises(NothingFoundError, match=rf"^{key}: (.|\n)*\n    pulumi config set {key} \S+$"):
        run_program(values if target == "instance" else kubernetes_stack)
