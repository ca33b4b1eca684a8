"""Which block volume is behind a claim, as the cluster's API says.

Not by reading resources of Pulumi's: such a read fails each preview while the API is out of reach, so that no `up` could correct
`apiNetworks`, and a refresh reports any change of its status as drift.
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
    """OCID of the block volume behind a claim; "" while it has none, and with a warning when the API does not answer."""
    document = json.loads(kubeconfig)
    cluster, login = document["clusters"][0]["cluster"], document["users"][0]["user"]["exec"]
    try:
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        # From Python 3.13 on also refused: a certificate without key identifiers, which other Kubernetes clients take.
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
            f"dataVolumeId is not known, since the Kubernetes API could not be asked: {printable(details or str(error))}"
        )
        return ""
    return str(source["volumeHandle"]) if source.get("driver") == VOLUME_DRIVER else ""
