"""Where the sandbox keeps everything: one ignored folder, the network's addresses, the fixed names.

SANDBOX_HOME names another folder than `.sandbox` of the checkout, SANDBOX_SUBNET another network than 10.189.0.0/24; with both set
two sandboxes can run beside each other on one host.
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

# The joined bundle which the Pulumi process trusts (the system's and the sandbox's CA).
CA_BUNDLE = REGISTRY / "tls" / "bundle.pem"

# Podman's run-time state goes to the tmpfs which a reboot of the host empties, as podman expects; the name is short since Unix
# sockets in it are limited to 107 bytes (unix(7)), and of this home alone.
_ID = hashlib.sha256(str(HOME).encode()).hexdigest()
RUNTIME = Path("/run") / f"sandbox-{_ID[:8]}"

SUBNET = ipaddress.IPv4Network(os.environ.get("SANDBOX_SUBNET") or "10.189.0.0/24")
GATEWAY = str(SUBNET[1])
REGISTRY_ADDRESS = str(SUBNET[2])
# What committed stack files say; another SANDBOX_SUBNET puts the registry elsewhere.
USUAL_REGISTRY_ADDRESS = "10.189.0.2"
BUILDKIT_ADDRESS = str(SUBNET[3])

NETWORK = "sandbox"
# A network interface's name has 15 characters at most.
BRIDGE = f"sandbox-{_ID[:7]}"
BUILDER = "sandbox"
MACHINE_IMAGE = "localhost/sandbox-machine"
REGISTRY_CONTAINER = "sandbox-registry"
BUILDKIT_CONTAINER = "sandbox-buildkit"
MACHINE_PREFIX = "sandbox-instance-"

# The account that the sandbox's cloud knows, named as Oracle names such things.
REGION = "eu-frankfurt-1"
AVAILABILITY_DOMAINS = tuple(f"Sndb:{REGION.upper()}-AD-{number}" for number in (1, 2, 3))
NAMESPACE = "sandbox"
USER_NAME = "person@example.com"
TENANCY_OCID = "ocid1.tenancy.oc1..sandbox"
USER_OCID = "ocid1.user.oc1..sandbox"
# A colleague, who has nothing here but a name.
COLLEAGUE_OCID = "ocid1.user.oc1..colleague"
USERS = {USER_OCID: USER_NAME, COLLEAGUE_OCID: "colleague@example.com"}
REGISTRY_USER = f"{NAMESPACE}/{USER_NAME}"
