"""Rules that several sections use, as plain functions: each yields its errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from settings.errors import fix, wrong
from specs.checks import MOST_ADDRESSES, addresses, duplicates
from specs.errors import error, place_in, remove_command
from specs.oci_profile import OciProfile
from specs.registry import COMMERCIAL_REALM, is_region, region_of_short_name


def account_errors(
    profile: OciProfile, registry_host: str, compartment_id: str, registry_username: str
) -> Iterable[str]:
    """Errors of what is unknown about the account and no key sets. Arguments are "" if they are not set."""
    region, realm = profile.region, realm_of(profile.tenancy_ocid)
    if not registry_host and not region:
        yield wrong(
            "oci:region",
            "is not set, here or in ~/.oci/config; the registry's host is computed from it",
            "<region>",
        )
    if region and not is_region(region):
        meaning, example = "which is not the name of a region", "<region>"
        if is_region(region.lower()):
            meaning, example = "in capitals; names of hosts have small letters", region.lower()
        elif known := region_of_short_name(region):
            meaning, example = f"the short name of {known}; use the full name", known
        yield wrong("oci:region", f"is {region!r}, {meaning}", example)
    if not registry_host and realm not in ("", COMMERCIAL_REALM):
        yield wrong(
            "registryHost",
            f"is not set, and the name of the registry is unknown for the realm {realm} of your tenancy",
            "<registry host>",
        )
    if not compartment_id and not profile.tenancy_ocid:
        yield wrong(
            "compartmentId", "is not set, and neither oci:tenancyOcid nor ~/.oci/config names a tenancy", "<OCID>"
        )
    if not registry_username and not profile.user_ocid:
        yield wrong(
            "registryUsername", "is not set, and neither oci:userOcid nor ~/.oci/config names a user", "<user name>"
        )


def realm_of(ocid: str) -> str:
    """Such as oc1; "" if there is none (source: Oracle, "Resource Identifiers": ocid1.<type>.<realm>.<region>.<id>)."""
    return "".join(ocid.split(".")[2:3])


def foreign_ocids(profile: OciProfile, values: Mapping[str, object]) -> Iterable[str]:
    """Errors of OCIDs among the values (key to value) that belong to another realm or region than the stack."""
    realm = realm_of(profile.tenancy_ocid)
    for key, value in values.items():
        given = {place_in(key, n): each for n, each in enumerate(value)} if isinstance(value, list) else {key: value}
        for place, ocid in given.items():
            if not isinstance(ocid, str) or not ocid.startswith("ocid1."):
                continue
            region = "".join(ocid.split(".")[3:4])
            if realm and realm_of(ocid) != realm:
                yield wrong(place, f"{ocid} is in the realm {realm_of(ocid)}, and your tenancy in {realm}", "<OCID>")
            elif is_region(profile.region) and is_region(region) and region != profile.region:
                yield wrong(place, f"{ocid} is in the region {region}, and the stack in {profile.region}", "<OCID>")


def duplicate_errors(key: str, values: Sequence[str]) -> Iterable[str]:
    """Errors of values that a list holds twice."""
    for place in duplicates(values):
        yield error(place_in(key, place), f"{values[place]} is in the list twice", remove_command(place_in(key, place)))


def network_errors(key: str, given: Sequence[str]) -> Iterable[str]:
    """Errors of all the networks together from which people connect."""
    yield from duplicate_errors(key, given)
    if addresses(given) > MOST_ADDRESSES:
        message = f"has {addresses(given)} addresses in all; name only the networks you connect from"
        yield error(key, message, f"pulumi config rm {key}", fix(key))
