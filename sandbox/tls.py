"""The sandbox's certificate authority, which signs the registry's certificate only, and a self-signed test certificate."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.process import write_if_changed

DAYS = 3650


def ensure(folder: Path, address: str, network: ipaddress.IPv4Network) -> None:
    """Create ca.pem, server.pem and server-key.pem for `address` in `folder` unless they exist. The authority's key is never written.

    The authority is limited to addresses of `network`, so trusting it is safe.
    """
    if _is_for(folder / "server.pem", address):
        return
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Sandbox registry CA")
    only = x509.NameConstraints(permitted_subtrees=[x509.IPAddress(network)], excluded_subtrees=None)
    ca = (
        certificate(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(only, critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    server = (
        certificate(_name(address), ca_name, key.public_key())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    write_if_changed(folder / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
    write_if_changed(folder / "server-key.pem", _pem(key), 0o600)
    # Written last: if it exists, all files exist.
    write_if_changed(folder / "server.pem", server.public_bytes(serialization.Encoding.PEM))


def self_signed(name: str) -> tuple[str, str]:
    """Return a self-signed certificate and its private key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificate(_name(name), _name(name), key.public_key()).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode(), _pem(key).decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _is_for(file: Path, address: str) -> bool:
    if not file.exists():
        return False
    names = x509.load_pem_x509_certificate(file.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return address in map(str, names.value.get_values_for_type(x509.IPAddress))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    """Return an unsigned certificate with names, key, serial number and DAYS of validity."""
    # A day earlier, for machines with wrong clocks.
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=DAYS))
    )
