"""Ports for servers that a test starts."""

from __future__ import annotations

import secrets
import socket

# Below the ports that the kernel assigns (ip_local_port_range, from 32768 on) and the node ports of Kubernetes (from 30000 on), so that no
# other process takes the port before the test uses it.
_PORTS = range(20000, 30000)
_given: set[int] = set()


def free_port(address: str = "127.0.0.1") -> int:
    """Return a free TCP port of the address, another one at each call."""
    while True:
        port = secrets.choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
        _given.add(port)
        return port
