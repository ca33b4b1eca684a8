"""Checks tokens of OKE: signed requests, as `oci ce cluster generate-token` creates them.

A token is base64url of the URL https://containerengine.<region>.oraclecloud.com/cluster_request/<cluster OCID> with the query parameters
`authorization` and `date`, the headers of Oracle's signature version 1 for that GET request (source: oci-cli 3.95.1,
containerengine_cli_extended.py; OCI documentation, "Request Signatures"). Other forms are refused, because OKE may refuse them.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox import api_key, paths

# source: OCI documentation, "Request Signatures": a client's clock may be 5 minutes off.
TOLERANCE = timedelta(minutes=5)
_HOST = f"containerengine.{paths.REGION}.oraclecloud.com"
_SIGNED = "date (request-target) host"


class TokenError(Exception):
    """The reason why a token is invalid. No message contains the token."""


def user(token: str, cluster: str, key: rsa.RSAPublicKey, now: datetime | None = None) -> str:
    """Return the OCID of the user who signed the token for this cluster. Raises TokenError."""
    try:
        url = urlsplit(base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii"))
    except (binascii.Error, ValueError):
        raise TokenError("it is not base64url of a URL") from None
    if url.scheme != "https" or url.netloc != _HOST or url.path != f"/cluster_request/{cluster}":
        raise TokenError(f"it is not for https://{_HOST}/cluster_request/{cluster}")
    query = {name: values[0] for name, values in parse_qs(url.query).items() if len(values) == 1}
    if list(query) != ["authorization", "date"]:
        raise TokenError("its parameters are not authorization and date")
    _check_date(query["date"], now or datetime.now(timezone.utc))
    fields = _fields(query["authorization"])
    expected = f"{paths.TENANCY_OCID}/{paths.USER_OCID}/{api_key.fingerprint(key)}"
    if fields.get("keyId") != expected:
        raise TokenError("its key does not belong to the account")
    if fields.get("algorithm") != "rsa-sha256" or fields.get("headers") != _SIGNED:
        raise TokenError(f"its signature is not rsa-sha256 over {_SIGNED}")
    signed = f"date: {query['date']}\n(request-target): get {url.path}\nhost: {_HOST}"
    try:
        key.verify(base64.b64decode(fields.get("signature", "")), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error):
        raise TokenError("its signature does not match the account's key") from None
    return paths.USER_OCID


def _check_date(text: str, now: datetime) -> None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        raise TokenError("its date is invalid") from None
    if date.tzinfo is None or abs(now - date) > TOLERANCE:
        raise TokenError("its date is not within 5 minutes of now")


def _fields(authorization: str) -> dict[str, str]:
    kind, _, rest = authorization.partition(" ")
    if kind != "Signature":
        raise TokenError("its authorization is not a signature")
    return dict(re.findall(r'(\w+)="([^"]*)"', rest))
