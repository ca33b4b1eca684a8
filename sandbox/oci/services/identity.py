"""Identity: the sandbox's one tenancy, its users and the region's availability domains. Nothing can be made here."""

from __future__ import annotations

from sandbox import paths
from sandbox.oci.cloud import AVAILABILITY_DOMAINS, Cloud
from sandbox.oci.errors import not_found
from sandbox.oci.function import Function, filtered
from sandbox.oci.wire import Properties


def _get_availability_domains(cloud: Cloud, arguments: Properties) -> Properties:
    domains = [
        {
            "name": name,
            "compartmentId": arguments["compartmentId"],
            "id": f"ocid1.availabilitydomain.oc1..{'a' * 59}{number}",
        }
        for number, name in enumerate(AVAILABILITY_DOMAINS, start=1)
    ]
    return {"availabilityDomains": filtered(domains, arguments)}


def _get_user(cloud: Cloud, arguments: Properties) -> Properties:
    user = arguments["userId"]
    if user not in paths.USERS:
        raise not_found(f"user {user}")
    return {
        "id": user,
        "compartmentId": paths.TENANCY_OCID,
        "name": paths.USERS[user],
        "description": "A user of the sandbox",
        "email": paths.USERS[user],
        "emailVerified": True,
        "definedTags": {},
        "freeformTags": {},
        "externalIdentifier": "",
        "identityProviderId": "",
        "state": "ACTIVE",
    }


def _get_tenancy(cloud: Cloud, arguments: Properties) -> Properties:
    if arguments["tenancyId"] != paths.TENANCY_OCID:
        raise not_found(f"tenancy {arguments['tenancyId']}")
    names = {"name": paths.NAMESPACE, "description": "The sandbox's tenancy", "homeRegionKey": "FRA"}
    return {
        "id": paths.TENANCY_OCID,
        **names,
        "definedTags": {},
        "freeformTags": {},
        "upiIdcsCompatibilityLayerEndpoint": "",
    }


FUNCTIONS = (
    Function("oci:Identity/getAvailabilityDomains:getAvailabilityDomains", _get_availability_domains),
    Function("oci:Identity/getUser:getUser", _get_user),
    Function("oci:Identity/getTenancy:getTenancy", _get_tenancy),
)
