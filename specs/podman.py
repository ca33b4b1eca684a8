"""The app on the instance: the `podman run` command line, the systemd unit around it, and the scripts that put both
there.

The unit, not podman's own restart policy, keeps the app running: it also starts it after a reboot and after `podman
kill`, which podman takes for a wish of the user (source: podman-systemd.unit and `podman generate systemd --new`,
whose pattern this is).
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from specs.cloud_config import DATA_DISK_UNIT, DATA_MOUNT, METADATA_UNIT

PULL_TIMEOUT_SECONDS = 900
BOOT_TIMEOUT_SECONDS = 1200
HEALTH_TIMEOUT_SECONDS = 180
STOP_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class ContainerSpec:
    """One app as podman runs it.

    image: reference by digest; port: TCP, the same in the container and on the instance's loopback; environment:
    nothing secret; secret_names: of the files under /run/secrets; data_path: in the container; health_path: answers
    200 without login; user_id: numeric user and group; memory_gb: limit of the container.
    """

    name: str
    image: str
    port: int
    environment: Mapping[str, str]
    secret_names: Sequence[str]
    data_path: str
    health_path: str
    user_id: int
    memory_gb: int

    @property
    def unit(self) -> str:
        """Name of the systemd unit."""
        return unit_name(self.name)

    @property
    def data_folder(self) -> str:
        """The app's folder on the data volume, as the instance sees it."""
        return data_folder(self.name)


def unit_name(app: str) -> str:
    """Name of the systemd unit that runs an app."""
    return f"app-{app}.service"


def data_folder(app: str) -> str:
    """An app's folder on the data volume, as the instance sees it."""
    return f"{DATA_MOUNT}/{app}"


def secret_name(app: str, file: str) -> str:
    """Name of the podman secret behind a secret file of an app."""
    return f"{app}-{file}"


def run_command(spec: ContainerSpec) -> list[str]:
    """The `podman run` words. Every option works from podman 4.3 on (Oracle Linux 8.10 and 9.4 have 4.9)."""
    # As a JSON array podman runs it without a shell, for which a path with "&" would be two commands.
    health = json.dumps(["healthcheck", f"http://127.0.0.1:{spec.port}{spec.health_path}"])
    words = [
        *("podman", "run", "--name", spec.name, "--replace", "--rm", "--detach"),
        *("--sdnotify", "conmon", "--cgroups", "no-conmon", "--pull", "never"),
        *("--publish", f"127.0.0.1:{spec.port}:{spec.port}"),
        *("--user", f"{spec.user_id}:{spec.user_id}"),
        *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
        # No swap beyond the limit: a notebook that takes too much loses its kernel, not the machine its pace.
        *("--memory", f"{spec.memory_gb}g", "--memory-swap", f"{spec.memory_gb}g"),
        *("--stop-timeout", str(STOP_TIMEOUT_SECONDS)),
        # Z: a private SELinux label, without which Oracle Linux lets the container see the folder but not read it. Always the
        # same one, so that a start finds the files labelled already instead of labelling each anew.
        *("--volume", f"{spec.data_folder}:{spec.data_path}:Z", "--security-opt", "label=level:s0:c100,c200"),
        *("--workdir", spec.data_path),
        *("--health-cmd", health, "--health-interval", "30s", "--health-timeout", "10s"),
        *("--health-retries", "3", "--health-start-period", "60s", "--health-on-failure", "kill"),
    ]
    for file in spec.secret_names:
        owner = f"uid={spec.user_id},gid={spec.user_id},mode=0400"
        words += ["--secret", f"{secret_name(spec.name, file)},type=mount,target={file},{owner}"]
    # So that one value decides where the app listens and what it keeps, whatever its image says.
    given = {"PORT": str(spec.port), "DATA_PATH": spec.data_path, "HOME": spec.data_path}
    for key, value in sorted({**spec.environment, **given}.items()):
        words += ["--env", f"{key}={value}"]
    return [*words, spec.image]


def unit_file(spec: ContainerSpec) -> str:
    """The systemd unit: the app starts only on a mounted data disk and behind the metadata rules."""
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
ExecStart=/usr/local/sbin/run-{spec.name}
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


def deploy_script(spec: ContainerSpec, registry_host: str, registry_user: str, instance_id: str) -> str:
    """The script that puts the app, or its next version, on the instance; idempotent. It reads `deploy_input` on stdin.

    `instance_id` is in it so that another instance gets the app even where it has the address of the one before.

    The login lives in a folder under /run for as long as the pull takes. The old container runs until the new image
    is there.
    """
    secrets = "\n".join(f"store_secret {shlex.quote(secret_name(spec.name, file))}" for file in spec.secret_names)
    url = shlex.quote(f"http://127.0.0.1:{spec.port}{spec.health_path}")
    image, host, user, folder = map(shlex.quote, (spec.image, registry_host, registry_user, spec.data_folder))
    return f"""\
set -euo pipefail
umask 077
say() {{ echo "$*"; }}
fail() {{ echo "error: $*" >&2; exit 1; }}

say "waiting for cloud-init of {instance_id}"
status=0
timeout {BOOT_TIMEOUT_SECONDS} cloud-init status --wait >/dev/null 2>&1 || status=$?
# 2 is "done, with recoverable errors" (source: cloud-init, "Return codes"). What failed once, such as a package mirror,
# stays an error for cloud-init, so what counts is what is there.
case $status in
  0|2) ;;
  *) cloud-init status --long >&2 || true ;;
esac
if ! command -v podman >/dev/null || ! command -v nft >/dev/null; then
  say "installing podman, which cloud-init could not"
  dnf install --assumeyes --quiet podman nftables </dev/null >/dev/null \\
    || fail "podman cannot be installed; see /var/log/dnf.log on the instance"
fi
[ -x /usr/local/sbin/prepare-data-disk ] \\
  || fail "cloud-init did not prepare the instance; make a new one: pulumi up --replace '**-instance'"

say "waiting for the data disk"
timeout 900 systemctl start {DATA_DISK_UNIT} || fail "the data disk is not mounted; see: journalctl -u {DATA_DISK_UNIT}"
# The unit counts as started even when somebody has unmounted the disk by hand.
mountpoint --quiet {DATA_MOUNT} || systemctl restart {DATA_DISK_UNIT}
mountpoint --quiet {DATA_MOUNT} || fail "{DATA_MOUNT} is not the data disk; nothing was written there"
systemctl start {METADATA_UNIT} || fail "containers could reach the metadata service; see: journalctl -u {METADATA_UNIT}"

login=$(mktemp -d /run/app-login.XXXXXX)
trap 'rm -rf "$login"' EXIT
IFS= read -r token
say "pulling {spec.image}"
printf %s "$token" | base64 -d \\
  | podman login --authfile "$login/auth.json" --username {user} --password-stdin {host} >/dev/null \\
  || fail "the registry refused the login of" {user}
unset token
timeout {PULL_TIMEOUT_SECONDS} podman pull --quiet --authfile "$login/auth.json" {image} >/dev/null \\
  || fail "the image could not be pulled"
rm -rf "$login"

mkdir -p {folder}
[ "$(stat --format %u {folder})" = {spec.user_id} ] || chown --recursive {spec.user_id}:{spec.user_id} {folder}

cat >/usr/local/sbin/run-{spec.name} <<'END_OF_FILE'
#!/bin/sh
exec {shlex.join(run_command(spec))}
END_OF_FILE
chmod 0755 /usr/local/sbin/run-{spec.name}
cat >/etc/systemd/system/{spec.unit} <<'END_OF_FILE'
{unit_file(spec)}END_OF_FILE
chmod 0644 /etc/systemd/system/{spec.unit}
systemctl daemon-reload

say "starting {spec.name}"
systemctl stop {spec.unit} 2>/dev/null || true
podman rm --force --ignore --time {STOP_TIMEOUT_SECONDS} {spec.name} >/dev/null
{_remove_secrets(spec.name)}
store_secret() {{
  local content
  IFS= read -r content
  printf %s "$content" | base64 -d | podman secret create "$1" - >/dev/null
}}
{secrets}
systemctl enable --quiet {spec.unit}
systemctl start {spec.unit} || {{ journalctl --no-pager -n 30 -u {spec.unit} >&2; fail "{spec.name} did not start"; }}

deadline=$((SECONDS + {HEALTH_TIMEOUT_SECONDS}))
# Not by `podman healthcheck run`, which counts failures and would kill an app that takes its time.
until curl --fail --silent --output /dev/null --max-time 5 {url}; do
  if [ $SECONDS -ge $deadline ]; then
    journalctl --no-pager -n 50 CONTAINER_NAME={spec.name} >&2 || true
    fail "{spec.name} did not answer on {spec.health_path} within {HEALTH_TIMEOUT_SECONDS} seconds"
  fi
  sleep 1
done
podman image prune --all --force >/dev/null
say "{spec.name} is healthy"
"""


def deploy_input(token: str, secret_files: Mapping[str, str]) -> str:
    """What `deploy_script` reads: a line each, in base64, of the registry's token and the secret files by their
    names' order.
    """
    contents = [token, *(secret_files[name] for name in sorted(secret_files))]
    return "".join(base64.b64encode(content.encode()).decode() + "\n" for content in contents)


def remove_script(name: str) -> str:
    """The script that takes the app from the instance and unmounts the data disk, so that the volume can be detached
    in order.

    Content when any of it is gone already. The data stay.
    """
    unit = unit_name(name)
    return f"""\
systemctl disable --now --quiet {unit} 2>/dev/null
podman rm --force --ignore --time {STOP_TIMEOUT_SECONDS} {name} >/dev/null
{_remove_secrets(name)}
podman image prune --all --force >/dev/null
rm -f /usr/local/sbin/run-{name} /etc/systemd/system/{unit}
systemctl daemon-reload
systemctl stop {DATA_DISK_UNIT}
! mountpoint --quiet {DATA_MOUNT} || {{ echo "error: {DATA_MOUNT} is still in use on the instance" >&2; exit 1; }}
"""


def _remove_secrets(app: str) -> str:
    # By the prefix: a file that is no longer configured must not outlive its configuration.
    listed = "podman secret ls --format '{{.Name}}'"
    return f"{listed} | {{ grep '^{app}-' || true; }} | xargs --no-run-if-empty podman secret rm >/dev/null"


def as_root(script: str) -> str:
    """One command line that runs `script` as root in bash, with stdin left to the script."""
    return f"sudo bash -c {shlex.quote(script)}"
