"""The certificate of the load balancer's listener."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization


class CertificateError(ValueError):
    """Certificate and private key cannot be used; `key` names the configuration key that is wrong."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key


def check(certificate: str, private_key: str) -> None:
    """Accept a certificate (PEM, its chain after it) and its unencrypted private key (PEM). Raises CertificateError."""
    try:
        leaf = x509.load_pem_x509_certificates(certificate.encode())[0]
    except ValueError:
        raise CertificateError("tlsCertificate", "is not a certificate in PEM") from None
    try:
        key = serialization.load_pem_private_key(private_key.encode(), password=None)
    except TypeError:
        raise CertificateError("tlsPrivateKey", "is protected by a passphrase; decrypt it first") from None
    except ValueError:
        raise CertificateError("tlsPrivateKey", "is not a private key in PEM") from None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise CertificateError("tlsPrivateKey", "is not the key of tlsCertificate")


def secret_name(app: str, certificate: str) -> str:
    """Name of the Kubernetes secret with the certificate: another one for another certificate.

    The cloud controller puts a certificate on the load balancer under its secret's name, and one whose name is there already it
    does not put there again (source: oci-cloud-controller-manager, load_balancer.go, ensureSSLCertificates).
    """
    return f"{app}-tls-{hashlib.sha256(certificate.encode()).hexdigest()[:10]}"
