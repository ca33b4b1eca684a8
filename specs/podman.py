"""The app on the instance: the `podman run` command line and the systemd unit around it.

The unit, not podman's own restart policy, keeps the app running: it also starts the app after a reboot and after `podman
kill`, which podman's policy does not (source of the pattern: podman-systemd.unit and `podman generate systemd --new`).
"""

from __future__ import annotations

import json
import shlex

from specs.cloud_config import DATA_DISK_UNIT, DATA_MOUNT, METADATA_UNIT
from specs.container import STOP_TIMEOUT_SECONDS, ContainerSpec
from specs.secret_files import SECRETS_PATH

PIDS_LIMIT = 4096
"""Processes and threads of the container: far more than kernels and their libraries start, far fewer than the system has."""


def unit_name(app: str) -> str:
    """Name of the systemd unit that runs an app."""
    return f"app-{app}.service"


def data_folder(app: str) -> str:
    """An app's folder on the data volume, as the instance sees it."""
    return f"{DATA_MOUNT}/{app}"


def secret_name(app: str, position: int) -> str:
    """Name of the podman secret behind one of an app's secret files.

    By the file's place in their order, since podman 4.3 takes 64 characters (source: containers/common, pkg/secrets).
    A deploy puts its own number before the place.
    """
    return f"{app}-{position}"


def version_files(app: str) -> tuple[str, str]:
    """The files of one version of the app on the instance: what the unit starts, and the unit."""
    return f"/usr/local/sbin/run-{app}", f"/etc/systemd/system/{unit_name(app)}"


def run_command(spec: ContainerSpec, image: str, data: str = "") -> list[str]:
    """The `podman run` words. Every option works from podman 4.3 on (Oracle Linux 8.10 and 9.4 have 4.9).

    image: reference by digest; data: folder or volume for the data, by default the app's folder on the data volume.
    """
    # Both are memory of the container: together they cannot take more than its limit.
    half = f"{spec.half_memory_mb}m"
    words = [
        *("podman", "run", "--name", spec.name, "--replace", "--rm", "--detach"),
        *("--sdnotify", "conmon", "--cgroups", "no-conmon", "--pull", "never"),
        *("--publish", f"127.0.0.1:{spec.port}:{spec.port}"),
        *("--user", f"{spec.user_id}:{spec.user_id}"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
        # podman adds a tmpfs on /run and /var/tmp. Without them podman 4.9 makes /dev/shm read-only too (source:
        # podman, docs/source/markdown/options/read-only-tmpfs.md).
        *("--read-only", "--tmpfs", f"/tmp:rw,exec,nosuid,nodev,mode=1777,size={half}"),  # noqa: S108 - in the container
        *("--shm-size", half, "--pids-limit", str(PIDS_LIMIT)),
        # No swap beyond the limit: a notebook that takes too much loses its kernel, and the machine stays fast.
        *("--memory", f"{spec.memory_gb}g", "--memory-swap", f"{spec.memory_gb}g"),
        *("--stop-timeout", str(STOP_TIMEOUT_SECONDS)),
        # Z: a private SELinux label; without it the container sees the folder on Oracle Linux but cannot read it. Always the same
        # label: otherwise every start would label all files again.
        *("--volume", f"{data or data_folder(spec.name)}:{spec.data_path}:Z"),
        *("--security-opt", "label=level:s0:c100,c200"),
        *("--workdir", spec.data_path),
        *_health_check(spec),
        *_secrets(spec),
        *(word for key, value in spec.variables().items() for word in ("--env", f"{key}={value}")),
    ]
    return [*words, image]


def _secrets(spec: ContainerSpec) -> list[str]:
    owner = f"uid={spec.user_id},gid={spec.user_id},mode=0400"
    words: list[str] = []
    for position, file in enumerate(spec.secret_names):
        words += ["--secret", f"{secret_name(spec.name, position)},type=mount,target={SECRETS_PATH}/{file},{owner}"]
    return words


def _health_check(spec: ContainerSpec) -> list[str]:
    # podman runs a JSON array without a shell; for a shell a path with "&" would be two commands.
    health = json.dumps(["healthcheck", f"http://127.0.0.1:{spec.port}{spec.health_path}"])
    return [
        *("--health-cmd", health, "--health-interval", "30s", "--health-timeout", "10s"),
        *("--health-retries", "3", "--health-start-period", "60s", "--health-on-failure", "kill"),
    ]


def unit_file(spec: ContainerSpec) -> str:
    """The systemd unit: the app starts only with a mounted data disk and with the metadata rules."""
    return f"""\
[Unit]
Description=App {spec.name} (podman)
Requires={DATA_DISK_UNIT} {METADATA_UNIT}
Wants=network-online.target
After=network-online.target {DATA_DISK_UNIT} {METADATA_UNIT}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart={version_files(spec.name)[0]}
ExecStop=/usr/bin/podman stop --ignore --time {STOP_TIMEOUT_SECONDS} {spec.name}
ExecStopPost=/usr/bin/podman rm --force --ignore {spec.name}
Restart=always
RestartSec=2
# Labelling the data for SELinux the first time is part of the start, and takes minutes where there are many files.
TimeoutStartSec=30min
TimeoutStopSec={STOP_TIMEOUT_SECONDS * 2}

[Install]
WantedBy=multi-user.target
"""


def run_file(spec: ContainerSpec, image: str) -> str:
    """What the unit starts. It sets the owner of the data, because the previous version may have another user."""
    folder, user = shlex.quote(data_folder(spec.name)), spec.user_id
    return f"""\
#!/bin/sh
[ "$(stat --format %u {folder})" = {user} ] || chown --recursive {user}:{user} {folder}
exec {shlex.join(run_command(spec, image))}
"""
