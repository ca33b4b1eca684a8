"""Prints a token for an OKE cluster, as `oci ce cluster generate-token` does, without the OCI CLI.

The token is the URL of a request for the cluster, signed with the account's API key. It is valid for four minutes (source: oci-cli,
containerengine_cli_extended.py). Nothing is sent or stored. specs/oci_profile.py finds the account. The stack's own `oci:` configuration is
not read, because only Pulumi's own processes can see it.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import urllib.parse
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from specs import oci_profile

LIFETIME = timedelta(minutes=4)
# The host is part of the signature. Oracle's CLI supports the commercial realm only; other realms are as in Oracle's Cluster API provider
# (source: cluster-api-provider-oci, cloud/services/base/client.go).
ENDPOINT = "https://containerengine.{region}.{secondLevelDomain}"


def account(profile: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the account's values for signing, by the SDK's names (secret). profile: "" for that of the environment, or DEFAULT.

    Raises oci_profile.ProfileError with what is missing and what fixes it.
    """
    found = oci_profile.find({"configFileProfile": profile}.get, environment, oci_profile.CONFIG_FILE)
    lacking = [name for name in oci_profile.IDENTITY if not found.values.get(name)]
    if found.problem or lacking:
        raise oci_profile.ProfileError(
            found.problem or f"the account lacks {', '.join(lacking)}: kube-token only signs with an API key"
        )
    return found.values


def token(cluster_id: str, region: str, signing: Mapping[str, str], now: datetime) -> str:
    """Return the token (secret). Raises the SDK's own errors, which say what is wrong with the key."""
    # This import takes a fifth of a second, and --help and errors do not need it.
    import oci.regions
    from oci._vendor.requests import Request  # the type that the SDK's signer expects
    from oci.signer import Signer

    endpoint = oci.regions.endpoint_for("container_engine", region=region, service_endpoint_template=ENDPOINT)
    url = f"{endpoint}/cluster_request/{cluster_id}"
    signer = Signer(
        *(signing[name] for name in oci_profile.IDENTITY),
        str(oci_profile.expanded(signing["key_file"])),
        signing["pass_phrase"] or None,
        # A variable may have line ends as \n (source: terraform-provider-oci, provider.go, PrivateRSAKey).
        signing["key_content"].replace("\\n", "\n") or None,
    )
    request = Request("GET", url, headers={"date": format_datetime(now, usegmt=True)}, auth=signer).prepare()
    headers = {name: request.headers[name] for name in ("authorization", "date")}
    return base64.urlsafe_b64encode(f"{url}?{urllib.parse.urlencode(headers)}".encode()).decode()


def credential(token: str, now: datetime) -> str:
    """Return the ExecCredential (secret)."""
    expires = (now + LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"token": token, "expirationTimestamp": expires}
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def main() -> None:
    """Print the credential, or an error."""
    parser = argparse.ArgumentParser("kube-token", description="Print a token for an OKE cluster.")
    parser.add_argument("cluster_id", help="OCID of the cluster")
    parser.add_argument("--region", required=True)
    parser.add_argument("--profile", default="", help="of ~/.oci/config")
    arguments = parser.parse_args()
    now = datetime.now(timezone.utc)
    try:
        signing = account(arguments.profile, os.environ)
    except oci_profile.ProfileError as error:
        sys.exit(f"kube-token: {error}")
    try:
        made = token(arguments.cluster_id, arguments.region, signing, now)
    except Exception as error:
        sys.exit(f"kube-token: the token cannot be signed with the key of {signing['user']}: {error}")
    sys.stdout.write(credential(made, now) + "\n")
