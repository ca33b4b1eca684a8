"""Core services, networking: gateways, and the route tables that lead to them.

Inputs as in core_internet_gateway_resource.go, core_nat_gateway_resource.go, core_service_gateway_resource.go and
core_route_table_resource.go. Limits of one gateway of a kind in a VCN as users report them (GlorifiedTypist/k3s-oracle-cloud-free-tier
issue 16; oracle-terraform-modules/terraform-oci-vcn issue 28). Route tables of gateways are not done.
"""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from sandbox import paths
from sandbox.oci import checks, firewall
from sandbox.oci.cloud import Cloud, Record
from sandbox.oci.declare import KEEP, REPLACE, SET, TAGS, UPDATE, Inputs, Reference, Table
from sandbox.oci.errors import Problem, ServiceError, invalid
from sandbox.oci.function import Function, filtered
from sandbox.oci.resource import Resource
from sandbox.oci.services.core_network import GATEWAY_IN_VCN, IN_VCN
from sandbox.oci.services.defaults import Default, taken_over
from sandbox.oci.wire import UNKNOWN, Properties

# source: OCI documentation, "Access to Oracle Services: Service Gateway", "About Service CIDR Labels". fra is Frankfurt's key.
SERVICES = (
    {
        "id": f"ocid1.service.oc1.{paths.REGION}.{'a' * 48}allservices",
        "name": "All FRA Services In Oracle Services Network",
        "cidrBlock": "all-fra-services-in-oracle-services-network",
        "description": "All FRA Services In Oracle Services Network",
    },
    {
        "id": f"ocid1.service.oc1.{paths.REGION}.{'a' * 46}objectstorage",
        "name": "OCI FRA Object Storage",
        "cidrBlock": "oci-fra-objectstorage",
        "description": "OCI FRA Object Storage",
    },
)
_LABELS = [service["cidrBlock"] for service in SERVICES]
_GATEWAYS = ("internetgateway", "natgateway", "servicegateway")


class _Gateway(Resource):
    """At most one of a kind in a VCN."""

    references = Table({"vcnId": GATEWAY_IN_VCN})
    limit = ServiceError(400, "LimitExceeded", "Internet gateway limit per VCN reached")

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        others = [other for other in cloud.all(self.kind) if other.id != record.id]
        if before is None and any(other.properties["vcnId"] == record.properties["vcnId"] for other in others):
            raise self.limit

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        firewall.sync(cloud)


class InternetGateway(_Gateway):
    """The way in and out for public addresses."""

    type = "oci:Core/internetGateway:InternetGateway"
    kind = "internetgateway"
    title = "InternetGateway"
    inputs = Inputs({**TAGS, "compartmentId": UPDATE, "vcnId": REPLACE, "displayName": KEEP, "enabled": UPDATE})
    defaults = Table({"enabled": True})


class NatGateway(_Gateway):
    """The way out for private addresses."""

    type = "oci:Core/natGateway:NatGateway"
    kind = "natgateway"
    title = "NatGateway"
    inputs = Inputs({**TAGS, "compartmentId": UPDATE, "vcnId": REPLACE, "displayName": KEEP, "blockTraffic": KEEP})
    limit = ServiceError(400, "LimitExceeded", "NAT gateway limit per VCN reached")

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        # An address of documentation (RFC 5737): nothing in the sandbox is seen under it.
        return {"blockTraffic": False, "natIp": "192.0.2.1"}


class ServiceGateway(_Gateway):
    """The way to Oracle's services, of which the sandbox has the registry."""

    type = "oci:Core/serviceGateway:ServiceGateway"
    kind = "servicegateway"
    title = "ServiceGateway"
    inputs = Inputs(
        {
            **TAGS,
            "compartmentId": UPDATE,
            "vcnId": REPLACE,
            "displayName": KEEP,
            "services": SET,
            "services.serviceId": UPDATE,
        }
    )
    checks = Table({"services.serviceId": checks.one_of(*(service["id"] for service in SERVICES))})
    limit = ServiceError(
        400, "InvalidParameter", "The maximum limit of 1 for Service gateway per VCN has been exceeded"
    )

    @override
    def computed(self, cloud: Cloud, inputs: Properties) -> Properties:
        return {"blockTraffic": False}

    @override
    def derived(self, properties: Properties) -> Properties:
        if properties["services"] is UNKNOWN:
            return properties
        names = {service["id"]: service["name"] for service in SERVICES}
        services = [
            {**service, "serviceName": names.get(service["serviceId"], UNKNOWN)} for service in properties["services"]
        ]
        return {**properties, "services": services}


class RouteTable(Resource):
    """A route table. A rule leads to a gateway of the same VCN."""

    type = "oci:Core/routeTable:RouteTable"
    kind = "routetable"
    title = "RouteTable"
    inputs = Inputs(
        {
            **TAGS,
            "compartmentId": UPDATE,
            "vcnId": REPLACE,
            "displayName": KEEP,
            "routeRules": SET,
            "routeRules.networkEntityId": UPDATE,
            "routeRules.cidrBlock": KEEP,
            "routeRules.description": KEEP,
            "routeRules.destination": KEEP,
            "routeRules.destinationType": KEEP,
        }
    )
    checks = Table(
        {
            "displayName": checks.display_name,
            "routeRules.cidrBlock": checks.network(32, 0),
            "routeRules.destinationType": checks.one_of("CIDR_BLOCK", "SERVICE_CIDR_BLOCK"),
        }
    )
    references = Table(
        {
            "vcnId": IN_VCN,
            # Wording as reported for gateways and route tables the other way round (oracle/learning-library issue 393).
            "routeRules.networkEntityId": Reference(
                _GATEWAYS, refusal="{target_title} {target} is in use by route table {holder}."
            ),
        }
    )

    @override
    def problems(self, inputs: Properties) -> Iterator[Problem]:
        rules = inputs.get("routeRules", [])
        for index, rule in enumerate(rules if rules is not UNKNOWN else []):
            place = f"routeRules[{index}]"
            if rule is UNKNOWN:
                continue
            if ("destination" in rule) == ("cidrBlock" in rule):
                yield Problem(f"{place}.destination", "is required, and cidrBlock (deprecated) not to be set beside it")
            elif (reason := _destination(rule)) is not None:
                yield Problem(f"{place}.destination", reason)

    @override
    def derived(self, properties: Properties) -> Properties:
        rules = properties.get("routeRules", [])
        if rules is UNKNOWN or UNKNOWN in rules:
            return properties
        filled = []
        for rule in rules:
            far = rule.get("destination", rule.get("cidrBlock"))
            kind = rule.get("destinationType", "CIDR_BLOCK")
            block = {"cidrBlock": far} if kind == "CIDR_BLOCK" else {}
            filled.append(
                {
                    "description": "",
                    "routeType": "STATIC",
                    **block,
                    **rule,
                    "destination": far,
                    "destinationType": kind,
                }
            )
        return {**properties, "routeRules": filled}

    @override
    def review(self, cloud: Cloud, record: Record, before: Record | None) -> None:
        for rule in record.properties.get("routeRules", []):
            gateway = cloud.require(rule["networkEntityId"], *_GATEWAYS)
            if gateway.properties["vcnId"] != record.properties["vcnId"]:
                raise invalid(f"{gateway.id} does not belong to VCN {record.properties['vcnId']}.")
            if (gateway.kind == "servicegateway") != (rule.get("destinationType") == "SERVICE_CIDR_BLOCK"):
                raise invalid(
                    f"A rule to {gateway.id} must have another destinationType than {rule.get('destinationType', 'CIDR_BLOCK')}."
                )
        targets = [rule.get("destination", rule.get("cidrBlock")) for rule in record.properties.get("routeRules", [])]
        if len(targets) != len(set(targets)):
            raise invalid("Two route rules of one route table have the same destination.")

    @override
    def settle(self, cloud: Cloud, record: Record | None) -> None:
        firewall.sync(cloud)


class DefaultRouteTable(Default, RouteTable):
    """A VCN's own route table, taken over (core_route_table_default_resource.go)."""

    type = "oci:Core/defaultRouteTable:DefaultRouteTable"
    inputs = taken_over(RouteTable.inputs)
    references = RouteTable.references
    emptied = Table({"routeRules": []})


def _destination(rule: Properties) -> str | None:
    far = rule.get("destination", rule.get("cidrBlock"))
    kind = rule.get("destinationType", "CIDR_BLOCK")
    if UNKNOWN in (far, kind):
        return None
    return checks.network(32, 0)(far) if kind == "CIDR_BLOCK" else checks.one_of(*_LABELS)(far)


def _get_services(cloud: Cloud, arguments: Properties) -> Properties:
    return {"services": filtered(SERVICES, arguments)}


RESOURCES: tuple[Resource, ...] = (InternetGateway(), NatGateway(), ServiceGateway(), RouteTable())
TAKEN_OVER: tuple[Resource, ...] = (DefaultRouteTable(),)
FUNCTIONS = (Function("oci:Core/getServices:getServices", _get_services),)
