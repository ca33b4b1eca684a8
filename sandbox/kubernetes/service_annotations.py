"""What a Service asks of its load balancer, read from its annotations as Oracle's cloud controller manager reads them, but strictly.

source: oci-cloud-controller-manager 1.35, pkg/cloudprovider/providers/oci/load_balancer_spec.go. Where Oracle passes over something
(an annotation it does not know, an unknown security list mode that becomes "All", a bandwidth out of range that is clamped), this refuses:
what the program writes has to be meant.
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

# Oracle's own, which the sandbox does not do.
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
    """Why there is no load balancer for this Service; the text of its event."""


@dataclass(frozen=True)
class Wanted:
    """internal: no public address; subnet: an OCID, "" for the cluster's own; bandwidth: least and most Mbps; groups: OCIDs; ssl_ports:
    those of the listeners with TLS; secret: namespace and name of their certificate's; idle: seconds; protocol: TCP or HTTP; ports: of
    each listener, with its node port.
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
    """What this Service of type LoadBalancer wants. Raises RefusedError."""
    meta, spec = service["metadata"], service["spec"]
    given: dict[str, str] = {
        name: value for name, value in (meta.get("annotations") or {}).items() if name.startswith(PREFIXES)
    }
    _check_names(given)
    _check_spec(spec)
    if (kind := given.get(TYPE, "lb")) != "lb":
        raise RefusedError(f'{TYPE}: {kind!r} is not done by the sandbox; it has "lb"')
    protocol = given.get(BACKEND_PROTOCOL, "TCP")
    if protocol not in _IDLE_DEFAULTS:
        raise RefusedError(f"{BACKEND_PROTOCOL}: {protocol!r} is none of {', '.join(_IDLE_DEFAULTS)}")
    for name in (LIST_MODE, RULE_MODE):
        if name in given and given[name] != "None":
            raise RefusedError(f'{name}: {given[name]!r}: the sandbox changes no security rules; "None" is done')
    if LIST_MODE not in given and RULE_MODE not in given:
        raise RefusedError(
            f'{LIST_MODE} is missing: Oracle\'s default "All" changes security lists, which the sandbox does not'
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
            raise RefusedError(f"the annotation {name} is Oracle's and not done by the sandbox")
        if name not in _DONE:
            raise RefusedError(f"Oracle's cloud controller knows no annotation {name}")


def _check_spec(spec: Mapping[str, Any]) -> None:
    if spec.get("sessionAffinity", "None") != "None":
        # Oracle's words.
        raise RefusedError('OCI only supports SessionAffinity "None" currently')
    if any(port.get("protocol", "TCP") != "TCP" for port in spec["ports"]):
        raise RefusedError("OCI load balancers do not support UDP")
    if spec.get("externalTrafficPolicy", "Cluster") != "Cluster":
        raise RefusedError("externalTrafficPolicy: only Cluster is done by the sandbox")
    if spec.get("loadBalancerSourceRanges"):
        raise RefusedError(
            "loadBalancerSourceRanges has no effect where the controller manages no security rules: use a security group"
        )
    if spec.get("loadBalancerIP"):
        raise RefusedError("loadBalancerIP: reserved addresses are not done by the sandbox")


def _boolean(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "false")
    # source: Go's strconv.ParseBool.
    if value not in ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"):
        raise RefusedError(f"invalid value: {value} provided for annotation: {name}")
    return value[0] in "1tT"


def _bandwidth(given: Mapping[str, str]) -> tuple[int, int]:
    shape = given.get(SHAPE, "100Mbps")
    if shape.lower() != "flexible":
        raise RefusedError(f'{SHAPE}: {shape!r}: only "flexible" is done by the sandbox (fixed shapes are deprecated)')
    if FLEX_MIN not in given or FLEX_MAX not in given:
        raise RefusedError(
            f"error parsing service annotation: {SHAPE}=flexible requires {FLEX_MIN} and {FLEX_MAX} to be set"
        )
    low, high = (_whole(given, name, BANDWIDTH) for name in (FLEX_MIN, FLEX_MAX))
    if high < low:
        raise RefusedError(f"{FLEX_MAX} is below {FLEX_MIN}; Oracle would raise it without a word")
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
        raise RefusedError(f"{SSL_PORTS}: {given[SSL_PORTS]!r} is no list of ports")
    listed = tuple(map(int, words))
    if strange := [port for port in listed if port not in ports]:
        raise RefusedError(f"{SSL_PORTS}: {strange[0]} is no port of the Service")
    secret = given.get(TLS_SECRET, "")
    if not re.fullmatch(r"([a-z0-9.-]+/)?[a-z0-9.-]+", secret):
        raise RefusedError(f'{TLS_SECRET} must name a secret, as "name" or "namespace/name", where {SSL_PORTS} is set')
    space, _, name = secret.rpartition("/")
    return listed, (space or namespace, name)


def _whole(given: Mapping[str, str], name: str, bounds: tuple[int, int]) -> int:
    value = given[name]
    if not re.fullmatch(r"\d{1,9}", value) or not bounds[0] <= int(value) <= bounds[1]:
        raise RefusedError(f"{name}: {value!r} is no whole number from {bounds[0]} to {bounds[1]}")
    return int(value)
