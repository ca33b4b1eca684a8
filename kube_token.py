"""Prints a token for an OKE cluster as Kubernetes' exec credentials are: what `oci ce cluster generate-token` does, without the OCI CLI.

The token is a request for the cluster which the account's API key has signed, in its URL; it lasts four minutes (source: oci-cli,
containerengine_cli_extended.py). Nothing is sent or kept. The account is found as in oci_profile.py, in the environment first, but for
the stack's own `oci:` configuration, which no other process can see.
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
from pathlib import Path

import oci_profile

LIFETIME = timedelta(minutes=4)
ENDPOINT = "https://containerengine.{region}.oci.{secondLevelDomain}"

# What of the account is where: the SDK's name of it, and that of the OCI provider's TF_VAR_ variable.
VARIABLES = {
    "tenancy": "tenancy_ocid",
    "user": "user_ocid",
    "fingerprint": "fingerprint",
    "key_file": "private_key_path",
    "key_content": "private_key",
    "pass_phrase": "private_key_password",
    "region": "region",
}
NEEDED = {"tenancy", "user", "fingerprint", "key_file"}


def account(
    profile: str, environment: Mapping[str, str] = os.environ, file: Path = oci_profile.CONFIG_FILE
) -> dict[str, str]:
    """The SDK's configuration of the account; profile: "" for the one that the environment names, or DEFAULT.

    Raises oci_profile.ProfileError when the file would be needed and cannot be used.
    """
    variables = {name: environment.get(f"TF_VAR_{variable}", "") for name, variable in VARIABLES.items()}
    found = {name: value for name, value in variables.items() if value}
    if "key_content" in found:
        found.setdefault("key_file", "")
    try:
        of_file = oci_profile.section(profile, environment, file)
    except oci_profile.ProfileError:
        if not found.keys() >= NEEDED:
            raise
        of_file = {}
    return {**of_file, **found}


def signed_url(cluster_id: str, region: str, config: Mapping[str, str]) -> str:
    """The signed request, as a URL. Raises the SDK's own errors, which name what the account lacks."""
    # Here, since it takes a fifth of a second, which --help and errors need not wait for.
    import oci.regions
    from oci._vendor.requests import Request  # as Oracle's own CLI does: the SDK's signer is made for it
    from oci.signer import Signer

    endpoint = oci.regions.endpoint_for("container_engine", region=region, service_endpoint_template=ENDPOINT)
    url = f"{endpoint}/cluster_request/{cluster_id}"
    signer = Signer(
        config["tenancy"],
        config["user"],
        config["fingerprint"],
        config.get("key_file"),
        config.get("pass_phrase"),
        config.get("key_content"),
    )
    request = Request("GET", url, auth=signer).prepare()
    headers = {name: request.headers[name] for name in ("authorization", "date")}
    return f"{url}?{urllib.parse.urlencode(headers)}"


def credential(url: str, now: datetime) -> str:
    """The ExecCredential (secret)."""
    token = base64.urlsafe_b64encode(url.encode()).decode()
    expires = (now + LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"token": token, "expirationTimestamp": expires}
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def main() -> None:
    """Print the credential, or one line that says what is missing."""
    parser = argparse.ArgumentParser(description="Print a token for an OKE cluster.")
    parser.add_argument("cluster_id", help="OCID of the cluster")
    parser.add_argument("--region", required=True)
    parser.add_argument("--profile", default="", help="of ~/.oci/config")
    arguments = parser.parse_args()
    try:
        config = account(arguments.profile)
    except oci_profile.ProfileError as error:
        sys.exit(f"kube-token: {error}")
    missing = [name for name in VARIABLES if name in NEEDED - config.keys()]
    if missing:
        sys.exit(
            f"kube-token: the account lacks {', '.join(missing)}; it is read from ~/.oci/config (console: My profile → API keys → Add "
            "shows the text to paste there) or from TF_VAR_ variables"
        )
    try:
        url = signed_url(arguments.cluster_id, arguments.region, config)
    except Exception as error:
        sys.exit(f"kube-token: the token cannot be signed with the key of {config['user']}: {error}")
    sys.stdout.write(credential(url, datetime.now(timezone.utc)) + "\n")


if __name__ == "__main__":
    main()
