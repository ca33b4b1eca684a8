"""What a sandbox holds on its host: all that a destroyed stack must not leave behind."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from sandbox import engine, paths
from sandbox.process import privileged, run

Holdings = dict[str, set[str]]


def holdings() -> Holdings:
    """Kind to names, as the host has them now."""
    return {
        "containers": _lines(engine.podman("ps", "--all", "--format", "{{.Names}}").stdout),
        "podman volumes": _lines(engine.podman("volume", "ls", "--quiet").stdout),
        "podman secrets": _lines(engine.podman("secret", "ls", "--format", "{{.Name}}").stdout),
        "podman networks": _lines(engine.podman("network", "ls", "--quiet").stdout),
        "loop devices": _loop_devices(),
        "mounts": {line.split()[4] for line in _lines(Path("/proc/self/mountinfo").read_text()) if _ours(line)},
        "packet filter rules": {line for line in _lines(_filter()) if line.startswith("-A")},
        "links": {link["ifname"] for link in json.loads(run(["ip", "-json", "link"]).stdout)},
        "processes": _processes(),
        "cloud resources": _files(paths.CLOUD / "resources"),
        "cloud files": _files(paths.CLOUD),
    }


def left(before: Holdings, seconds: float = 20) -> Holdings:
    """What came since `before` and stays; a kind of which nothing is left is not in it."""
    processes = _beyond(before, holdings()).get("processes", set())
    deadline = time.monotonic() + seconds
    # Processes that are ending, and those of somebody who looks into the sandbox meanwhile, are no remains.
    while processes and time.monotonic() < deadline:
        time.sleep(1)
        processes &= _beyond(before, holdings()).get("processes", set())
    # What a process made before it ended is there only now.
    found = {**_beyond(before, holdings()), "processes": processes}
    return {kind: names for kind, names in found.items() if names}


def _beyond(before: Holdings, now: Holdings) -> Holdings:
    return {kind: now[kind] - names for kind, names in before.items() if now[kind] - names}


def _ours(line: str) -> bool:
    return str(paths.HOME) in line or str(paths.RUNTIME) in line


def _lines(output: str) -> set[str]:
    return {line.strip() for line in output.splitlines() if line.strip()}


def _loop_devices() -> set[str]:
    listed = run(privileged(["losetup", "--all", "--noheadings", "--output", "NAME,BACK-FILE"])).stdout
    return {line for line in _lines(listed) if _ours(line)}


def _processes() -> set[str]:
    """Command lines of what belongs to the sandbox: its files are in them."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if _ours(line):
                found.add(line)
    return found


def _filter() -> str:
    # In other words than iptables' only where podman has no iptables; there the rules hang on the links.
    return run(privileged(["iptables-save"]), check=False).stdout if shutil.which("iptables-save") else ""


def _files(folder: Path) -> set[str]:
    """Paths in the folder, without locks; folders may vanish meanwhile."""
    found = set()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "locks"]
        found |= {path for path in (Path(place, name) for name in names) if path.is_file()}
    return {str(path.relative_to(folder)) for path in found}
