"""Tokens of the sandbox's clusters: it accepts those of Oracle's tools and refuses invalid ones."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from operations import kube_token
from sandbox import api_key, paths
from sandbox.kubernetes import authenticator, cluster_token
from sandbox.kubernetes.cluster_token import TokenError

CLUSTER = "ocid1.cluster.oc1.eu-frankfurt-1.aaaa"
HOST = "containerengine.eu-frankfurt-1.oraclecloud.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=timezone.utc)


def token(
    key: rsa.RSAPrivateKey = KEY,
    cluster: str = CLUSTER,
    host: str = HOST,
    at: datetime = NOW,
    key_id: str = "",
    headers: str = "date (request-target) host",
    changed: Callable[[str], str] = lambda url: url,
) -> str:
    """A token, by OCI documentation, "Request Signatures"; independent of the code under test."""
    path, date = f"/cluster_request/{cluster}", format_datetime(at, usegmt=True)
    values = {"date": date, "(request-target)": f"get {path}", "host": host}
    text = "\n".join(f"{name}: {values[name]}" for name in headers.split())
    signature = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    of = key_id or f"{paths.TENANCY_OCID}/{paths.USER_OCID}/{api_key.fingerprint(KEY.public_key())}"
    authorization = (
        f'Signature algorithm="rsa-sha256",headers="{headers}",keyId="{of}",signature="{signature}",version="1"'
    )
    url = f"https://{host}{path}?{urlencode({'authorization': authorization, 'date': date})}"
    return base64.urlsafe_b64encode(changed(url).encode()).decode()


def user(given: str, now: datetime = NOW) -> str:
    return cluster_token.user(given, CLUSTER, KEY.public_key(), now)


def test_token_signed_with_the_account_key_is_accepted() -> None:
    assert user(token()) == paths.USER_OCID


def test_token_of_the_program_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(
        KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    account = {
        "TF_VAR_tenancy_ocid": paths.TENANCY_OCID,
        "TF_VAR_user_ocid": paths.USER_OCID,
        "TF_VAR_fingerprint": api_key.fingerprint(KEY.public_key()),
        "TF_VAR_private_key_path": str(tmp_path / "key.pem"),
    }
    assert user(kube_token.token(CLUSTER, paths.REGION, kube_token.account("", account), NOW)) == paths.USER_OCID


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("not a token", "not base64url"),
        ("", "not for"),
        (token(cluster="ocid1.cluster.oc1.eu-frankfurt-1.bbbb"), "not for"),
        (token(host="containerengine.eu-frankfurt-1.example.com"), "not for"),
        # The host of the service's other requests.
        (token(host="containerengine.eu-frankfurt-1.oci.oraclecloud.com"), "not for"),
        (token(changed=lambda url: url.replace("https://", "http://")), "not for"),
        (token(changed=lambda url: url + "&more=1"), "parameters"),
        (token(changed=lambda url: url + "&date=x"), "parameters"),
        (token(key=STRANGER), "does not match"),
        (token(key_id="ocid1.tenancy.oc1..a/ocid1.user.oc1..b/00:11"), "does not belong to the account"),
        (token(at=NOW - timedelta(minutes=6)), "5 minutes"),
        (token(at=NOW + timedelta(minutes=6)), "5 minutes"),
        # A signature without the date would be valid forever.
        (token(headers="(request-target) host"), "rsa-sha256 over"),
        # OKE may refuse another order than that of Oracle's CLI.
        (token(headers="host date (request-target)"), "rsa-sha256 over"),
        # A changed date.
        (
            token(at=NOW - timedelta(minutes=4), changed=lambda url: url.replace("11%3A56", "11%3A58")),
            "does not match",
        ),
    ],
)
def test_invalid_token_is_refused_and_not_printed(given: str, reason: str) -> None:
    with pytest.raises(TokenError, match=reason) as caught:
        user(given)
    assert not given or given not in str(caught.value)


def test_token_review_names_the_user_and_no_group() -> None:
    of_now = token(at=datetime.now(timezone.utc))
    answer = authenticator.review({"spec": {"token": of_now}}, CLUSTER, KEY.public_key())
    assert answer["status"]["authenticated"]
    assert answer["status"]["user"] == {"username": paths.USER_OCID, "uid": paths.USER_OCID, "groups": []}
    refused = authenticator.review({"spec": {"token": "x"}}, CLUSTER, KEY.public_key())
    assert not refused["status"]["authenticated"]
    assert "user" not in refused["status"]
