"""The certificate of the load balancer's listener."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

SMALLEST_RSA, SMALLEST_CURVE = 2048, 256
"""Bits of a key that browsers accept (source: CA/Browser Forum, Baseline Requirements 6.1.5); many authorities sign no larger ones."""

DER = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class CertificateError(ValueError):
    """Certificate and private key cannot be used; `key` names the configuration key that is wrong."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def check(certificate: str, private_key: str) -> None:
    """Accept a certificate (PEM, its chain after it) that is valid now and its unencrypted private key (PEM). Raises CertificateError."""
    if "PRIVATE KEY-----" in certificate:
        raise CertificateError(
            "tlsCertificate", "holds a private key, which everyone who sees the stack file could read; make a new pair"
        )
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
        public_keys = [one.public_key() for one in chain]
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("tlsCertificate", "is not a certificate in PEM") from None
    now = datetime.now(timezone.utc)
    above: x509.Name | None = chain[0].subject
    for number, (one, key) in enumerate(zip(chain, public_keys, strict=True), start=1):
        which = f"its certificate {number} of {len(chain)} " if len(chain) > 1 else ""
        # Browsers skip a certificate that is no issuer of the first, directly or by others.
        if one.subject == above:
            above = one.issuer if one.issuer != one.subject else None
            if one.not_valid_after_utc < now:
                raise CertificateError("tlsCertificate", f"{which}expired on {one.not_valid_after_utc:%Y-%m-%d}")
            if one.not_valid_before_utc > now:
                raise CertificateError(
                    "tlsCertificate", f"{which}is not valid before {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
                )
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise CertificateError("tlsCertificate", f"{which}has neither an RSA nor an ECDSA key")
        least = SMALLEST_RSA if isinstance(key, rsa.RSAPublicKey) else SMALLEST_CURVE
        if key.key_size < least:
            raise CertificateError("tlsCertificate", f"{which}has a key of {key.key_size} bits; {least} are the least")
    try:
        own = serialization.load_pem_private_key(private_key.encode(), password=None)
        public = own.public_key().public_bytes(*DER)
    except TypeError:
        raise CertificateError("tlsPrivateKey", "is protected by a passphrase; decrypt it first") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("tlsPrivateKey", "is not a private key in PEM") from None
    if public != public_keys[0].public_bytes(*DER):
        raise CertificateError("tlsPrivateKey", "is not the key of tlsCertificate")


def secret_name(app: str, certificate: str) -> str:
    """Name of the Kubernetes secret with the certificate: another one for another certificate.

    The cloud controller puts a certificate on the load balancer under its secret's name, and skips a name that is already there
    (source: oci-cloud-controller-manager, load_balancer.go, ensureSSLCertificates).
    """
    return f"{app}-tls-{hashlib.sha256(certificate.encode()).hexdigest()[:10]}"
