"""The images of OKE's nodes: by name as Oracle's ("OKE Worker Node Oracle Linux 8.x Images"), for the version that the sandbox has.

Whatever image a node is made from, its container is the sandbox's one.
"""

from __future__ import annotations

from sandbox.oci.services.core_images import image_id
from sandbox.toolchain.tools import KUBERNETES_VERSION

# Releases side by side, as OKE lists them: as text, 8.9 would be newer than 8.10.
_BUILDS = (
    ("8.9", "aarch64-2025.11.20-0"),
    ("8.10", "aarch64-2026.01.29-0"),
    ("8.10", "2026.01.29-0"),
    ("8.10", "aarch64-2026.02.28-0"),
    ("8.10", "2026.02.28-0"),
)
NAMES = tuple(
    f"Oracle-Linux-{system}-{build}-OKE-{KUBERNETES_VERSION}-{number}"
    for number, (system, build) in enumerate(_BUILDS, start=1326)
)
NODE_IMAGES = {image_id(name): name for name in NAMES}
