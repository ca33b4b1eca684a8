"""Rules between keys, as plain functions: each yields its complaints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from specs.build_context import EXTRA
from specs.build_inputs import BuildInputError, check_requirements
from specs.checks import MOST_ADDRESSES, addresses, duplicates, is_file
from specs.complaints import complaint, mend, place_in, removal
from specs.oci_profile import OciProfile
from specs.registry import COMMERCIAL_REALM, is_region, region_of_short_name
from specs.shell import quoted


def account(profile: OciProfile, registry_host: str, compartment_id: str, registry_username: str) -> Iterable[str]:
    """What is not known of the account, and no key ("" where it is not set) says instead."""
    region, realm = profile.region, realm_of(profile.tenancy_ocid)
    if not registry_host and not region:
        yield complaint(
            "oci:region",
            "is not set, here or in ~/.oci/config; the registry's host is computed from it",
            "<region>",
        )
    if region and not is_region(region):
        meant, fix = "no region's name", "<region>"
        if is_region(region.lower()):
            meant, fix = "in capitals; names of hosts have small letters", region.lower()
        elif known := region_of_short_name(region):
            meant, fix = f"the short name of {known}; use the full name", known
        yield complaint("oci:region", f"is {region!r}, {meant}", fix)
    if not registry_host and realm not in ("", COMMERCIAL_REALM):
        yield complaint(
            "registryHost",
            f"is not set, and the name of its registry is not known for the realm {realm} of your tenancy",
            "<registry host>",
        )
    if not compartment_id and not profile.tenancy_ocid:
        yield complaint(
            "compartmentId", "is not set, and no tenancy is known from oci:tenancyOcid or ~/.oci/config", "<OCID>"
        )
    if not registry_username and not profile.user_ocid:
        yield complaint(
            "registryUsername", "is not set, and no user is known from oci:userOcid or ~/.oci/config", "<user name>"
        )


def realm_of(ocid: str) -> str:
    """Such as oc1; "" where there is none (source: Oracle, "Resource Identifiers": ocid1.<type>.<realm>.<region>.<id>)."""
    return "".join(ocid.split(".")[2:3])


def places(profile: OciProfile, values: Mapping[str, object]) -> Iterable[str]:
    """OCIDs among the values, key to value, which are of another realm or region than the stack's."""
    realm = realm_of(profile.tenancy_ocid)
    for key, value in values.items():
        given = {place_in(key, n): each for n, each in enumerate(value)} if isinstance(value, list) else {key: value}
        for place, ocid in given.items():
            if not isinstance(ocid, str) or not ocid.startswith("ocid1."):
                continue
            region = "".join(ocid.split(".")[3:4])
            if realm and realm_of(ocid) != realm:
                yield complaint(
                    place, f"{ocid} is of the realm {realm_of(ocid)}, and your tenancy of {realm}", "<OCID>"
                )
            elif is_region(profile.region) and is_region(region) and region != profile.region:
                yield complaint(place, f"{ocid} is of the region {region}, and the stack of {profile.region}", "<OCID>")


def extra_requirements(file: str, dockerfile: Path) -> Iterable[str]:
    """The file of further packages, "" for none, and the Dockerfile that has to install them."""
    if not file:
        return
    try:
        check_requirements(Path(file))
    except BuildInputError as error:
        lock = f"make lock FILE={quoted(re.sub(r'[.](txt|in)$', '', file) + '.in')}"
        yield complaint("extraRequirements", f"{file} {error}", commands=[lock])
    try:
        installs = not is_file(dockerfile) or str(EXTRA) in dockerfile.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield complaint("context", f"{dockerfile} cannot be read ({error})")
        return
    if not installs:
        yield complaint(
            "extraRequirements",
            f"{dockerfile} does not install them; docker/jupyterlab/Dockerfile shows how",
            commands=["pulumi config rm extraRequirements"],
        )
    if is_file(dockerfile.parent / EXTRA):
        yield complaint(
            "extraRequirements",
            f"would take the place of the app's own {dockerfile.parent / EXTRA}; add its packages to that file",
            commands=["pulumi config rm extraRequirements"],
        )


def twice(key: str, values: Sequence[str]) -> Iterable[str]:
    """Complaints about values which a list holds already."""
    for place in duplicates(values):
        yield complaint(
            place_in(key, place), f"{values[place]} is there already", commands=[removal(place_in(key, place))]
        )


def networks(key: str, given: Sequence[str]) -> Iterable[str]:
    """Complaints about what networks from which people connect are together."""
    yield from twice(key, given)
    if addresses(given) > MOST_ADDRESSES:
        yield complaint(
            key,
            f"has {addresses(given)} addresses in all, as good as the whole internet; name the networks you connect from",
            commands=[f"pulumi config rm {key}", mend(key)],
        )
