"""Folders, addresses and fixed names of the sandbox.

Everything is in `.sandbox` of the checkout or in SANDBOX_HOME. The network is 10.189.0.0/24 or SANDBOX_SUBNET. Set both to run two
sandboxes on one host.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("SANDBOX_HOME") or ROOT / ".sandbox").absolute()

BIN = HOME / "bin"
VENV = HOME / "venv"
PULUMI_HOME = HOME / "pulumi"
BACKEND = HOME / "backend"
ACCOUNT = HOME / "account"
STACKS = HOME / "stacks"
CLOUD = HOME / "cloud"
MACHINES = CLOUD / "machines"
CONTAINERS = HOME / "containers"
PODMAN = HOME / "podman"
REGISTRY = HOME / "registry"
BUILDKIT = HOME / "buildkit"
DOCKER_CONFIG = HOME / "docker"
IMAGES = HOME / "images"
LOG = HOME / "log"
STAMPS = HOME / "stamps"

# The CA certificates that Pulumi trusts: those of the system and of the sandbox.
CA_BUNDLE = REGISTRY / "tls" / "bundle.pem"

# Podman expects its run-time state on a tmpfs, which a reboot empties. The name is unique to this sandbox, and short because paths of
# Unix sockets have at most 107 bytes (unix(7)).
_ID = hashlib.sha256(str(HOME).encode()).hexdigest()
RUNTIME = Path("/run") / f"sandbox-{_ID[:8]}"

SUBNET = ipaddress.IPv4Network(os.environ.get("SANDBOX_SUBNET") or "10.189.0.0/24")
GATEWAY = str(SUBNET[1])
REGISTRY_ADDRESS = str(SUBNET[2])
# The address in committed stack files. It differs from REGISTRY_ADDRESS if SANDBOX_SUBNET is set.
USUAL_REGISTRY_ADDRESS = "10.189.0.2"
BUILDKIT_ADDRESS = str(SUBNET[3])

NETWORK = "sandbox"
# Names of network interfaces have at most 15 characters.
BRIDGE = f"sandbox-{_ID[:7]}"
BUILDER = "sandbox"
MACHINE_IMAGE = "localhost/sandbox-machine"
REGISTRY_CONTAINER = "sandbox-registry"
BUILDKIT_CONTAINER = "sandbox-buildkit"
MACHINE_PREFIX = "sandbox-instance-"

# The account of the sandbox's cloud, named in Oracle's style.
REGION = "eu-frankfurt-1"
AVAILABILITY_DOMAINS = tuple(f"Sndb:{REGION.upper()}-AD-{number}" for number in (1, 2, 3))
NAMESPACE = "sandbox"
USER_NAME = "person@example.com"
TENANCY_OCID = "ocid1.tenancy.oc1..sandbox"
USER_OCID = "ocid1.user.oc1..sandbox"
# A second user of the tenancy, without any rights.
COLLEAGUE_OCID = "ocid1.user.oc1..colleague"
USERS = {USER_OCID: USER_NAME, COLLEAGUE_OCID: "colleague@example.com"}
REGISTRY_USER = f"{NAMESPACE}/{USER_NAME}"
