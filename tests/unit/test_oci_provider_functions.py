"""What the emulated Oracle Cloud answers to look-ups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import paths
from sandbox.oci.catalogue import FUNCTIONS
from tests.unit.oci_cloud import IMAGE, OTHER, TENANCY, Tenancy, custom_image


@pytest.fixture
def tenancy(tmp_path: Path) -> Tenancy:
    return Tenancy(tmp_path)


def call(tenancy: Tenancy, name: str, **arguments: Any) -> Any:
    function = next(function for token, function in FUNCTIONS.items() if token.endswith(f":{name}"))
    assert function.problems(arguments) == []
    return function(tenancy.cloud, arguments)


def names(tenancy: Tenancy, **arguments: Any) -> list[str]:
    wanted = {"compartmentId": TENANCY, "operatingSystem": "Oracle Linux", "shape": "VM.Standard.A1.Flex", **arguments}
    return [image["displayName"] for image in call(tenancy, "getImages", **wanted)["images"]]


def test_images_are_the_newest_three_for_the_shape_newest_first(tenancy: Tenancy) -> None:
    found = names(tenancy, operatingSystemVersion="9", sortBy="TIMECREATED", sortOrder="DESC")
    assert found == [
        f"Oracle-Linux-9.{minor}-aarch64-2025.{day}-0" for minor, day in ((6, "09.16"), (6, "07.21"), (5, "05.19"))
    ]
    assert names(tenancy, operatingSystemVersion="9", sortBy="TIMECREATED", sortOrder="ASC") == found[::-1]
    assert names(tenancy, operatingSystemVersion="7") == []
    assert len(names(tenancy)) == 9


def test_images_take_filters(tenancy: Tenancy) -> None:
    filters = [{"name": "display_name", "values": [r"^Oracle-Linux-8\.10-"], "regex": True}]
    assert len(names(tenancy, filters=filters)) == 3
    assert names(tenancy, filters=[{"name": "no_such_name", "values": ["x"]}]) == []


def test_a_newer_image_can_appear_and_the_older_ones_keep_their_ocids(tenancy: Tenancy) -> None:
    first = call(tenancy, "getImages", compartmentId=TENANCY, operatingSystemVersion="9", shape="VM.Standard.A1.Flex")[
        "images"
    ][0]
    tenancy.cloud.root.mkdir()
    newer = (
        '[{"displayName": "Oracle-Linux-9.7-aarch64-2026.01.01-0", "operatingSystem": "Oracle Linux", '
        '"operatingSystemVersion": "9", "processor": "aarch64", "timeCreated": "2026-01-01 12:00:00.000 +0000 UTC"}]'
    )
    (tenancy.cloud.root / "images.json").write_text(newer)
    now = call(tenancy, "getImages", compartmentId=TENANCY, operatingSystemVersion="9", shape="VM.Standard.A1.Flex")[
        "images"
    ]
    assert now[0]["displayName"].startswith("Oracle-Linux-9.7")
    assert now[1]["id"] == first["id"] == IMAGE
    assert len(now) == 3


def test_images_of_the_compartment_are_listed_with_the_platforms(tenancy: Tenancy) -> None:
    custom_image(tenancy)
    found = call(tenancy, "getImages", compartmentId=TENANCY, operatingSystemVersion="9", shape="VM.Standard.A1.Flex")
    assert [image["compartmentId"] for image in found["images"]] == [TENANCY, "", "", ""]


def test_an_image_says_whether_it_can_be_encrypted_in_transit(tenancy: Tenancy) -> None:
    for image, allowed in ((custom_image(tenancy), False), (IMAGE, True)):
        [options] = call(tenancy, "getImage", imageId=image)["launchOptions"]
        assert options["isPvEncryptionInTransitEnabled"] is allowed


def test_functions_refuse_what_is_not_there(tenancy: Tenancy) -> None:
    for name, arguments in {
        "getSubnet": {"subnetId": "ocid1.subnet.oc1.eu-frankfurt-1.none"},
        "getVcn": {"vcnId": "ocid1.vcn.oc1.eu-frankfurt-1.none"},
        "getUser": {"userId": "ocid1.user.oc1..none"},
        "getImages": {"compartmentId": OTHER},
        "getImage": {"imageId": "ocid1.image.oc1.eu-frankfurt-1.none"},
    }.items():
        with pytest.raises(Exception, match="404-NotAuthorizedOrNotFound"):
            call(tenancy, name, **arguments)


def test_each_user_has_a_name_of_their_own(tenancy: Tenancy) -> None:
    names = [call(tenancy, "getUser", userId=user)["name"] for user in (paths.USER_OCID, paths.COLLEAGUE_OCID)]
    assert names == [paths.USER_NAME, "colleague@example.com"]


def test_functions_check_their_arguments() -> None:
    images = FUNCTIONS["oci:Core/getImages:getImages"]
    assert [problem.path for problem in images.problems({})] == ["compartmentId"]
    assert [problem.path for problem in images.problems({"compartmentId": TENANCY, "os": "x"})] == ["os"]
    assert [problem.path for problem in images.problems({"compartmentId": TENANCY, "sortBy": "AGE"})] == ["sortBy"]


def test_looking_up_writes_nothing(tenancy: Tenancy) -> None:
    names(tenancy)
    call(tenancy, "getAvailabilityDomains", compartmentId=TENANCY)
    assert not tenancy.cloud.root.exists()
