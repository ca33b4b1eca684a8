"""The block volume behind a claim, as the cluster's API reports it.

Not by a Pulumi resource's `get`: it fails every preview while the API is out of reach, and then no `up` could correct `apiNetworks`; and a
refresh reports every change of the status as drift.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import urllib.request
from typing import Any

import pulumi

from specs.kubernetes import VOLUME_DRIVER
from specs.shell import printable

SECONDS = 10


def bound_volume(kubeconfig: str, namespace: str, claim: str) -> str:
    """OCID of the block volume behind a claim; "" if it has none, or, with a warning, if the API does not answer."""
    document = json.loads(kubeconfig)
    cluster, login = document["clusters"][0]["cluster"], document["users"][0]["user"]["exec"]
    try:
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        # Python 3.13 also refuses a certificate without key identifiers, which other Kubernetes clients accept.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        credential = subprocess.run(
            [login["command"], *login["args"]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=SECONDS,
        )
        headers = {"Authorization": f"Bearer {json.loads(credential.stdout)['status']['token']}"}

        def spec(path: str) -> dict[str, Any]:
            url = f"{cluster['server']}/api/v1/{path}"
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - of the cloud's kubeconfig
            with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)["spec"]
            return found

        name = spec(f"namespaces/{namespace}/persistentvolumeclaims/{claim}").get("volumeName")
        source = spec(f"persistentvolumes/{name}").get("csi", {}) if name else {}
    except (OSError, ValueError, KeyError, http.client.HTTPException, subprocess.SubprocessError) as error:
        # Such as the words of the login command.
        details = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        pulumi.warn(
            f"dataVolumeId is unknown, because the Kubernetes API did not answer: {printable(details or str(error))}"
        )
        return ""
    return str(source["volumeHandle"]) if source.get("driver") == VOLUME_DRIVER else ""
