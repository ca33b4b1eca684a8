"""The scripts that install the app's next version on the instance, and remove the app from it."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping

from specs.cloud_config import DATA_DISK_UNIT, DATA_MOUNT, METADATA_UNIT
from specs.container import STOP_TIMEOUT_SECONDS, ContainerSpec
from specs.podman import data_folder, run_file, unit_file, unit_name, version_files

PULL_TIMEOUT_SECONDS = 900
BOOT_TIMEOUT_SECONDS = 1200
HEALTH_TIMEOUT_SECONDS = 180
RESTARTS = 5
"""After so many restarts a new version has failed, before the health check's time is over."""


def deploy_script(
    spec: ContainerSpec, image_reference: str, registry_host: str, registry_user: str, instance_id: str
) -> str:
    """The script that installs the app, or its next version; idempotent. It reads `deploy_input` on stdin.

    instance_id: in the script, because a new instance must get the app even if it has the address of the old one.

    The previous version runs until image and secrets of the new one are there, and again if the new one does not become healthy: its two
    files are kept as <file>.before, and its secrets have other names. Files that a killed run kept were healthy last, so the next run
    keeps them. The file <run>.healthy says that some version was healthy once.

    The login is in a folder under /run only during the pull.
    """
    secrets = "\n".join(f'store_secret "{spec.name}-$generation-{n}"' for n, _ in enumerate(spec.secret_names))
    url = shlex.quote(f"http://127.0.0.1:{spec.port}{spec.health_path}")
    image, host, user, folder = map(
        shlex.quote, (image_reference, registry_host, registry_user, data_folder(spec.name))
    )
    run, unit = version_files(spec.name)
    service = unit_name(spec.name)
    return f"""\
set -euo pipefail
umask 077
say() {{ echo "$*"; }}
fail() {{ echo "error: $*" >&2; exit 1; }}
store_secret() {{
  local content
  IFS= read -r content
  printf %s "$content" | base64 -d | podman secret create "$1" - >/dev/null || fail "a secret file could not be stored"
}}
install_file() {{
  [ -e "$1.before" ] || [ ! -e {run}.healthy ] || [ ! -e "$1" ] || ln "$1" "$1.before"
  cat >"$1.new"
  chmod "$2" "$1.new"
  mv "$1.new" "$1"
}}
restarts() {{ systemctl show --property NRestarts {service} | cut -d = -f 2; }}
give_up() {{
  journalctl --no-pager -n 50 CONTAINER_NAME={spec.name} + UNIT={service} + _SYSTEMD_UNIT={service} >&2 || true
  [ -e {run}.before ] || fail "$*"
  for file in {run} {unit}; do
    [ ! -e "$file.before" ] || mv "$file.before" "$file"
  done
  systemctl daemon-reload
  systemctl restart {service} || fail "$*; the version before does not start either"
  fail "$*; the version before runs again"
}}

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
# Also when it runs: somebody may have flushed the rules.
systemctl reload-or-restart {METADATA_UNIT} \\
  || fail "containers could reach the metadata service; see: journalctl -u {METADATA_UNIT}"

rm -rf /run/app-login.*  # of a run that was killed
login=$(mktemp -d /run/app-login.XXXXXX)
trap 'rm -rf "$login"' EXIT
IFS= read -r token
say "pulling {image_reference}"
printf %s "$token" | base64 -d \\
  | podman login --authfile "$login/auth.json" --username {user} --password-stdin {host} >/dev/null \\
  || fail "the registry refused the login of" {user}
unset token
timeout {PULL_TIMEOUT_SECONDS} podman pull --quiet --authfile "$login/auth.json" {image} >/dev/null \\
  || fail "the image could not be pulled"
rm -rf "$login"

generation=$(date +%s)
{secrets}
mkdir -p {folder}

say "starting {spec.name}"
sed "s/ --secret {spec.name}-/&$generation-/g" <<'END_OF_FILE' | install_file {run} 0755
{run_file(spec, image_reference)}END_OF_FILE
install_file {unit} 0644 <<'END_OF_FILE'
{unit_file(spec)}END_OF_FILE
systemctl daemon-reload
systemctl enable --quiet {service}
systemctl restart {service} || give_up "{spec.name} did not start"

deadline=$((SECONDS + {HEALTH_TIMEOUT_SECONDS}))
restarted=$(restarts)
# Not by `podman healthcheck run`, which counts failures and would kill an app that takes its time.
until curl --fail --silent --output /dev/null --max-time 5 {url}; do
  [ $(($(restarts) - restarted)) -lt {RESTARTS} ] || give_up "{spec.name} ended {RESTARTS} times"
  [ $SECONDS -lt $deadline ] \\
    || give_up "{spec.name} did not answer on {spec.health_path} within {HEALTH_TIMEOUT_SECONDS} seconds"
  sleep 1
done

: >{run}.healthy
rm -f {run}.before {unit}.before
{_remove_secrets(f"/^{spec.name}-/ && !/^{spec.name}-$generation-/")}
podman image prune --all --force >/dev/null
say "{spec.name} is healthy"
"""


def deploy_input(token: str, secret_files: Mapping[str, str]) -> str:
    """What `deploy_script` reads: in base64, one line each, the registry's token and the secret files in the order of their names."""
    contents = [token, *(secret_files[name] for name in sorted(secret_files))]
    return "".join(base64.b64encode(content.encode()).decode() + "\n" for content in contents)


def remove_script(name: str) -> str:
    """The script that removes the app from the instance and unmounts the data disk before the volume is detached.

    It also works if some of it is already gone. The data stay.
    """
    unit = unit_name(name)
    files = " ".join(f"{file}{{,.before,.new,.healthy}}" for file in version_files(name))
    return f"""\
systemctl disable --now --quiet {unit} 2>/dev/null
podman rm --force --ignore --time {STOP_TIMEOUT_SECONDS} {name} >/dev/null
{_remove_secrets(f"/^{name}-/")}
podman image prune --all --force >/dev/null
rm -f {files}
systemctl daemon-reload
systemctl stop {DATA_DISK_UNIT}
! mountpoint --quiet {DATA_MOUNT} || {{ echo "error: {DATA_MOUNT} is still in use on the instance" >&2; exit 1; }}
"""


def _remove_secrets(which: str) -> str:
    # By a pattern of awk: a file that is no longer configured must not outlive its configuration.
    return f"podman secret ls --format '{{{{.Name}}}}' | awk \"{which}\" | xargs --no-run-if-empty podman secret rm >/dev/null"


def as_root(script: str) -> str:
    """One command line that runs `script` as root in bash, with stdin left to the script."""
    return f"sudo bash -c {shlex.quote(script)}"
