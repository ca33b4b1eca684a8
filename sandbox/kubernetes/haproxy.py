"""HAProxy's configuration for all load balancers of a cluster (source: HAProxy 2.6 configuration manual)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# source: oci-cloud-controller-manager, load_balancer_spec.go: GET /healthz on kube-proxy's port, every 10 s, 3 s long, 3 times.
HEALTH_PORT, HEALTH_PATH = 10256, "/healthz"
_CHECK = f"check port {HEALTH_PORT} inter 10s fall 3 rise 1"

_GLOBAL = """\
global
    maxconn 2000
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    timeout connect 5s
    timeout check 3s
# HAProxy needs at least one listener, also without load balancers.
frontend alive
    mode http
    bind 127.0.0.1:8404
    timeout client 5s
    monitor-uri /
"""


@dataclass(frozen=True)
class Listener:
    """One port of one load balancer. name: unique; idle: timeout in seconds; certificate: a PEM file with key and chain, for TLS; backends:
    the nodes' addresses.
    """

    name: str
    address: str
    port: int
    protocol: str
    idle: int
    certificate: Path | None
    backends: tuple[str, ...]
    node_port: int


def configuration(listeners: Sequence[Listener]) -> str:
    """Return the whole configuration file."""
    return _GLOBAL + "".join(map(_section, listeners))


def _section(one: Listener) -> str:
    tls = f" ssl crt {one.certificate}" if one.certificate else ""
    lines = [
        f"mode {one.protocol.lower()}",
        f"bind {one.address}:{one.port}{tls}",
        f"timeout client {one.idle}s",
        f"timeout server {one.idle}s",
        f"timeout tunnel {one.idle}s",
        f"option httpchk GET {HEALTH_PATH}",
        *(f"server {backend} {backend}:{one.node_port} {_CHECK}" for backend in one.backends),
    ]
    return f"listen {one.name}\n" + "".join(f"    {line}\n" for line in lines)
