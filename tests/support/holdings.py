"""Everything that a sandbox uses on its host. A destroyed stack must leave none of it behind."""

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
    """Kind to names of what exists now."""
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
    """What exists now and did not exist `before`, by its kind."""
    processes = _beyond(before, holdings()).get("processes", set())
    deadline = time.monotonic() + seconds
    # Processes that are ending, or that inspect the sandbox meanwhile, do not count.
    while processes and time.monotonic() < deadline:
        time.sleep(1)
        processes &= _beyond(before, holdings()).get("processes", set())
    # An ending process may have created something since.
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
    """Command lines that contain a path of the sandbox."""
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
    # Without iptables podman's rules depend on the links, which are checked too.
    return run(privileged(["iptables-save"]), check=False).stdout if shutil.which("iptables-save") else ""


def _files(folder: Path) -> set[str]:
    """Paths of the files in the folder, without locks. Files may disappear meanwhile."""
    found = set()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "locks"]
        found |= {path for path in (Path(place, name) for name in names) if path.is_file()}
    return {str(path.relative_to(folder)) for path in found}
