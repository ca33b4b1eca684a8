"""cloud-init user data of the instance: what it needs to run containers on a data disk. It has nothing about the app.

A change of user data replaces the instance (source: OCI Terraform provider, `metadata.user_data` forces
replacement), so everything that changes with a deploy is in `specs/podman_deploy.py`.
"""

from __future__ import annotations

import base64

import yaml

from specs.ssh import HostKey

DATA_DEVICE = "/dev/oracleoci/oraclevdb"
"""Consistent device path of the data volume (source: Oracle, "Connecting to a volume with a consistent device
path").
"""

DATA_MOUNT = "/srv/data"
"""Where the data volume is mounted on the instance; every app has its own folder in it."""

DATA_DISK_UNIT = "data-disk.service"
METADATA_UNIT = "container-metadata.service"

# The volume is attached after the instance's first boot began, hence the wait. Only an empty device without any signature
# is formatted.
PREPARE_DATA_DISK = f"""\
#!/bin/bash
set -euo pipefail
device={DATA_DEVICE}
target={DATA_MOUNT}
for _ in $(seq 300); do [ -b "$device" ] && break; sleep 2; done
[ -b "$device" ] || {{ echo "data disk: $device did not appear within 10 minutes" >&2; exit 1; }}
mountpoint --quiet "$target" && exit 0
status=0
blkid --probe "$device" >/dev/null || status=$?
case $status in
  0) ;;
  2)
    # blkid says 2 of what it cannot read, too. A new block volume reads as zeros.
    cmp --quiet --bytes=16777216 "$device" /dev/zero \\
      || {{ echo "data disk: $device is not empty and holds no known file system; it is left alone" >&2; exit 1; }}
    mkfs.ext4 -q -L app-data "$device" ;;
  *) echo "data disk: $device holds something that is not a file system; it is left alone" >&2; exit 1 ;;
esac
mkdir -p "$target"
mount -o noatime "$device" "$target"
# A volume made larger in the configuration is used in full from the next boot on.
resize2fs "$device" >/dev/null 2>&1 || true
"""

DATA_DISK_SERVICE = f"""\
[Unit]
Description=Data disk of the app at {DATA_MOUNT}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/prepare-data-disk
ExecStop=/bin/umount {DATA_MOUNT}
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
"""

# A program in a container could otherwise act as the instance, or read its user data. Only forwarded packets are
# dropped: the instance itself still reaches the service. Port 53 stays, since 169.254.169.254 is the VCN's name
# server too. What comes in from podman's bridges is for the instance's own ports, such as SSH: only answers may. podman names
# them podman0, podman1 and so on with netavark, cni-podman0 with CNI, the default of Oracle Linux 8.
METADATA_RULES = """\
table inet container_metadata
delete table inet container_metadata
table inet container_metadata {
  chain forward {
    type filter hook forward priority -10; policy accept;
    ip daddr 169.254.0.0/16 meta l4proto { tcp, udp } th dport 53 accept
    ip daddr 169.254.0.0/16 drop
    ip6 daddr fd00:c1::/32 drop
  }
  chain input {
    type filter hook input priority -10; policy accept;
    iifname "podman*" ct state new drop
    iifname "cni-podman*" ct state new drop
  }
}
"""

# A node's kubelet does not start without the rules, after a reboot either; the instance has none. A reload puts back rules that
# somebody has flushed, and restarts no unit that requires this one.
METADATA_SERVICE = """\
[Unit]
Description=Keep the metadata service and the machine's own ports out of the containers' reach
Before=network-pre.target kubelet.service
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft --file /etc/container-metadata.nft
ExecReload=/usr/sbin/nft --file /etc/container-metadata.nft

[Install]
WantedBy=multi-user.target
RequiredBy=kubelet.service
"""

APPLY_METADATA_RULES = f"""\
set -euo pipefail
command -v nft >/dev/null || dnf install --assumeyes --quiet nftables
systemctl daemon-reload
systemctl enable --now {METADATA_UNIT}
"""
"""Bash commands that activate the files of `metadata_files`, and fail if they cannot."""

GROW_BOOT_VOLUME = "[ ! -x /usr/libexec/oci-growfs ] || /usr/libexec/oci-growfs -y"
"""For cloud-init's bootcmd, which runs before packages are installed, and at every boot: a boot volume made larger in the configuration is
used from the next boot on. Until then Oracle Linux' root has about 36 GB (source: Oracle, "Extending the Root Partition"). If there is
nothing to grow, the program succeeds (source: oracle/oci-utils, oci_growfs_main.py). Images that are not Oracle's may lack it.
"""


def cloud_config(host_key: HostKey) -> str:
    """The user data as text."""
    document = {
        "ssh_deletekeys": True,
        "ssh_keys": {"ecdsa_private": host_key.private, "ecdsa_public": host_key.public},
        "bootcmd": [["sh", "-c", GROW_BOOT_VOLUME]],
        "packages": ["podman"],
        "write_files": [
            _file("/usr/local/sbin/prepare-data-disk", PREPARE_DATA_DISK, "0755"),
            _file(f"/etc/systemd/system/{DATA_DISK_UNIT}", DATA_DISK_SERVICE),
            *metadata_files(),
        ],
        "runcmd": [
            ["bash", "-c", APPLY_METADATA_RULES],
            # Without it a reload of firewalld cuts off the containers' ports. Not every podman package has it.
            ["sh", "-c", "systemctl enable --now netavark-firewalld-reload.service || true"],
            # No wait: the volume arrives only when the instance is RUNNING, which may be after cloud-init.
            ["systemctl", "enable", "--now", "--no-block", DATA_DISK_UNIT],
        ],
    }
    return f"#cloud-config\n{yaml.safe_dump(document, sort_keys=False)}"


def metadata_files() -> list[dict[str, str]]:
    """Files for cloud-init that keep containers from the metadata service and the machine's own ports; APPLY_METADATA_RULES activates
    them.
    """
    return [
        _file("/etc/container-metadata.nft", METADATA_RULES),
        _file(f"/etc/systemd/system/{METADATA_UNIT}", METADATA_SERVICE),
    ]


def encode(user_data: str) -> str:
    """As `metadata.user_data` wants it."""
    return base64.b64encode(user_data.encode()).decode()


def _file(path: str, content: str, permissions: str = "0644") -> dict[str, str]:
    return {"path": path, "permissions": permissions, "owner": "root:root", "content": content}
