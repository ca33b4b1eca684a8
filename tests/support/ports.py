"""Ports for what a test starts a moment later."""

from __future__ import annotations

import secrets
import socket

# Below those which the kernel gives to outgoing connections and to whoever binds port 0 (ip_local_port_range, from 32768 on), and
# below the node ports of Kubernetes (from 30000 on): nobody draws one of them between the look and the use.
_PORTS = range(20000, 30000)
_given: set[int] = set()


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port of the address that nobody listens on, another one at each call."""
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
