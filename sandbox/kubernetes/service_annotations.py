"""Reads a Service's annotations about its load balancer like Oracle's cloud controller manager, but more strictly.

source: oci-cloud-controller-manager 1.35, pkg/cloudprovider/providers/oci/load_balancer_spec.go. Oracle ignores unknown annotations, turns
an unknown security list mode into "All" and clamps the bandwidth. Here these are errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ORACLE = "oci.oraclecloud.com/"
BALANCER = "service.beta.kubernetes.io/oci-load-balancer-"
PREFIXES = (ORACLE, BALANCER, "oci-network-load-balancer.oraclecloud.com/")

TYPE = f"{ORACLE}load-balancer-type"
GROUPS = f"{ORACLE}oci-network-security-groups"
RULE_MODE = f"{ORACLE}security-rule-management-mode"
INTERNAL = f"{BALANCER}internal"
SHAPE = f"{BALANCER}shape"
FLEX_MIN = f"{BALANCER}shape-flex-min"
FLEX_MAX = f"{BALANCER}shape-flex-max"
SUBNET = f"{BALANCER}subnet1"
LIST_MODE = f"{BALANCER}security-list-management-mode"
SSL_PORTS = f"{BALANCER}ssl-ports"
TLS_SECRET = f"{BALANCER}tls-secret"
IDLE_TIMEOUT = f"{BALANCER}connection-idle-timeout"
BACKEND_PROTOCOL = f"{BALANCER}backend-protocol"
_DONE = {TYPE, GROUPS, RULE_MODE, INTERNAL, SHAPE, FLEX_MIN, FLEX_MAX, SUBNET, LIST_MODE, SSL_PORTS, TLS_SECRET}
_DONE |= {IDLE_TIMEOUT, BACKEND_PROTOCOL}

# Oracle's annotations that the sandbox does not support.
_ORACLES = {
    *(f"{BALANCER}{name}" for name in ("subnet2", "tls-backendset-secret", "connection-proxy-protocol-version")),
    *(f"{BALANCER}health-check-{name}" for name in ("retries", "interval", "timeout")),
    *(f"{ORACLE}initial-{name}-tags-override" for name in ("defined", "freeform")),
    *(f"{ORACLE}{name}" for name in ("loadbalancer-policy", "node-label-selector", "workload-service-account")),
    *(f"{ORACLE}{name}" for name in ("oci-backend-network-security-group", "ingress-ip-mode")),
    *(f"{ORACLE}oci-load-balancer-{name}" for name in ("listener-ssl-config", "backendset-ssl-config", "rule-sets")),
}

BANDWIDTH = (10, 8192)
# source: OCI documentation, "Connection Configuration for Load Balancers": 1 to 7200 s; 300 s for TCP and 60 s for HTTP by default.
IDLE_SECONDS = (1, 7200)
_IDLE_DEFAULTS = {"TCP": 300, "HTTP": 60}
MAXIMUM_GROUPS = 5


class RefusedError(Exception):
    """The reason why a Service gets no load balancer; the text of its event."""


@dataclass(frozen=True)
class Wanted:
    """internal: no public address; subnet: an OCID, or "" for the cluster's own; bandwidth: minimum and maximum in Mbps; groups: OCIDs;
    ssl_ports: of listeners with TLS; secret: namespace and name of their certificate; idle: timeout in seconds; protocol: TCP or HTTP;
    ports: of each listener, with its node port.
    """

    internal: bool
    subnet: str
    bandwidth: tuple[int, int]
    groups: tuple[str, ...]
    ssl_ports: tuple[int, ...]
    secret: tuple[str, str] | None
    idle: int
    protocol: str
    ports: tuple[tuple[int, int], ...]


def wanted(service: Mapping[str, Any]) -> Wanted:
    """Return the wanted load balancer of a Service. Raises RefusedError."""
    meta, spec = service["metadata"], service["spec"]
    given: dict[str, str] = {
        name: value for name, value in (meta.get("annotations") or {}).items() if name.startswith(PREFIXES)
    }
    _check_names(given)
    _check_spec(spec)
    if (kind := given.get(TYPE, "lb")) != "lb":
        raise RefusedError(f'{TYPE}: {kind!r} is not supported by the sandbox, only "lb" is')
    protocol = given.get(BACKEND_PROTOCOL, "TCP")
    if protocol not in _IDLE_DEFAULTS:
        raise RefusedError(f"{BACKEND_PROTOCOL}: {protocol!r} is not one of {', '.join(_IDLE_DEFAULTS)}")
    for name in (LIST_MODE, RULE_MODE):
        if name in given and given[name] != "None":
            raise RefusedError(f'{name}: {given[name]!r}: the sandbox changes no security rules; use "None"')
    if LIST_MODE not in given and RULE_MODE not in given:
        raise RefusedError(
            f'{LIST_MODE} is missing; use "None", because the sandbox does not support Oracle\'s default "All"'
        )
    ports = tuple((int(port["port"]), int(port.get("nodePort") or 0)) for port in spec["ports"])
    ssl_ports, secret = _tls(given, meta["namespace"], [port for port, _ in ports])
    return Wanted(
        internal=_boolean(given, INTERNAL),
        subnet=given.get(SUBNET, ""),
        bandwidth=_bandwidth(given),
        groups=_groups(given),
        ssl_ports=ssl_ports,
        secret=secret,
        idle=_whole(given, IDLE_TIMEOUT, IDLE_SECONDS) if IDLE_TIMEOUT in given else _IDLE_DEFAULTS[protocol],
        protocol=protocol,
        ports=ports,
    )


def _check_names(given: Mapping[str, str]) -> None:
    for name in sorted(given):
        if name in _ORACLES or name.startswith(PREFIXES[2]):
            raise RefusedError(f"the annotation {name} is not supported by the sandbox")
        if name not in _DONE:
            raise RefusedError(f"the annotation {name} is unknown to Oracle's cloud controller")


def _check_spec(spec: Mapping[str, Any]) -> None:
    if spec.get("sessionAffinity", "None") != "None":
        # The text of Oracle's controller.
        raise RefusedError('OCI only supports SessionAffinity "None" currently')
    if any(port.get("protocol", "TCP") != "TCP" for port in spec["ports"]):
        raise RefusedError("OCI load balancers do not support UDP")
    if spec.get("externalTrafficPolicy", "Cluster") != "Cluster":
        raise RefusedError("externalTrafficPolicy: the sandbox supports only Cluster")
    if spec.get("loadBalancerSourceRanges"):
        raise RefusedError(
            "loadBalancerSourceRanges has no effect, because the controller manages no security rules; use a security group"
        )
    if spec.get("loadBalancerIP"):
        raise RefusedError("loadBalancerIP: the sandbox does not support reserved addresses")


def _boolean(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "false")
    # source: Go's strconv.ParseBool.
    if value not in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"):
        raise RefusedError(f"invalid value: {value} provided for annotation: {name}")
    return value[0] in "1tT"


def _bandwidth(given: Mapping[str, str]) -> tuple[int, int]:
    shape = given.get(SHAPE, "100Mbps")
    if shape.lower() != "flexible":
        raise RefusedError(f'{SHAPE}: {shape!r}: the sandbox supports only "flexible" (fixed shapes are deprecated)')
    if FLEX_MIN not in given or FLEX_MAX not in given:
        raise RefusedError(
            f"error parsing service annotation: {SHAPE}=flexible requires {FLEX_MIN} and {FLEX_MAX} to be set"
        )
    low, high = (_whole(given, name, BANDWIDTH) for name in (FLEX_MIN, FLEX_MAX))
    if high < low:
        raise RefusedError(f"{FLEX_MAX} is below {FLEX_MIN}; Oracle would raise it silently")
    return low, high


def _groups(given: Mapping[str, str]) -> tuple[str, ...]:
    listed = tuple(dict.fromkeys(given.get(GROUPS, "").replace(" ", "").split(",")))
    if listed == ("",):
        return ()
    if len(listed) > MAXIMUM_GROUPS:
        raise RefusedError(f"invalid number of Network Security Groups (Max: 5) provided for annotation: {GROUPS}")
    if "" in listed:
        raise RefusedError(f"invalid NetworkSecurityGroups OCID: [{given[GROUPS]}] provided for annotation: {GROUPS}")
    return listed


def _tls(given: Mapping[str, str], namespace: str, ports: list[int]) -> tuple[tuple[int, ...], tuple[str, str] | None]:
    if SSL_PORTS not in given:
        if TLS_SECRET in given:
            raise RefusedError(f"{TLS_SECRET} has no effect without {SSL_PORTS}")
        return (), None
    words = given[SSL_PORTS].replace(" ", "").split(",")
    if not all(re.fullmatch(r"\d{1,5}", word) for word in words):
        raise RefusedError(f"{SSL_PORTS}: {given[SSL_PORTS]!r} is not a list of ports")
    listed = tuple(map(int, words))
    if strange := [port for port in listed if port not in ports]:
        raise RefusedError(f"{SSL_PORTS}: {strange[0]} is not a port of the Service")
    secret = given.get(TLS_SECRET, "")
    if not re.fullmatch(r"([a-z0-9.-]+/)?[a-z0-9.-]+", secret):
        raise RefusedError(f'{TLS_SECRET} must name a secret, as "name" or "namespace/name", if {SSL_PORTS} is set')
    space, _, name = secret.rpartition("/")
    return listed, (space or namespace, name)


def _whole(given: Mapping[str, str], name: str, bounds: tuple[int, int]) -> int:
    value = given[name]
    if not re.fullmatch(r"\d{1,9}", value) or not bounds[0] <= int(value) <= bounds[1]:
        raise RefusedError(f"{name}: {value!r} is not a whole number from {bounds[0]} to {bounds[1]}")
    return int(value)
