"""Writes the command line of every new process on this host to standard output, each followed by two NUL bytes.

It is a program of its own, which `command_lines.py` starts and ends, because it needs root. It uses only the standard library.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from pathlib import Path

# From linux/connector.h and linux/cn_proc.h.
NETLINK_CONNECTOR, CN_IDX_PROC, PROC_CN_MCAST_LISTEN, PROC_EVENT_EXEC = 11, 1, 1, 2
# From asm-generic/socket.h: exceeds the limit of ordinary users.
SO_RCVBUFFORCE = 33
# Written instead of a command line if the kernel dropped events, so that lines may be missing.
LOST = b"\0some were lost"


def record() -> None:
    """Write the command lines of running and of new processes."""
    seen: set[bytes] = set()
    with contextlib.suppress(OSError):
        # Run before all others, because a process may live for only a millisecond.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    pending = _subscribe()
    while True:
        for pid in _started(pending) if pending else _running():
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if line and line not in seen:
                seen.add(line)
                os.write(1, line + b"\0\0")
        if not pending:
            time.sleep(0.002)


def _subscribe() -> socket.socket | None:
    """A socket on which the kernel reports every exec (its process connector). None if there is no such socket; poll /proc then."""
    try:
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        listener.bind((os.getpid(), CN_IDX_PROC))
        listen = struct.pack("=IIIIHHI", CN_IDX_PROC, 1, 0, 0, 4, 0, PROC_CN_MCAST_LISTEN)
        listener.send(struct.pack("=IHHII", 16 + len(listen), 3, 0, 0, os.getpid()) + listen)
        listener.settimeout(0.5)
        # The kernel's acknowledgement. A container gets none.
        listener.recv(4096)
        listener.settimeout(None)
    except OSError:
        return None
    return listener


def _running() -> list[int]:
    """The ids of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _started(listener: socket.socket) -> list[int]:
    """The process of the next event, if it is an exec. All processes if the kernel dropped events."""
    try:
        event = listener.recv(4096)
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        os.write(1, LOST + b"\0\0")
        return _running()
    # struct nlmsghdr (16 bytes), struct cn_msg (20), struct proc_event: what, cpu, timestamp (8), process_pid, process_tgid.
    what, _, _, _, group = struct.unpack_from("=IIQII", event, 36)
    return [group] if what == PROC_EVENT_EXEC else []


if __name__ == "__main__":
    record()
