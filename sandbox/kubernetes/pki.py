"""The certificate authority of a cluster, its certificates and kubeconfigs."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox import tls
from sandbox.process import write_if_changed


class Authority:
    """The authority in ca.pem and ca-key.pem of `folder`, created if they do not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not (folder / "ca.pem").exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name("sandbox-cluster")
            certificate = (
                tls.certificate(name, name, key.public_key())
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .sign(key, hashes.SHA256())
            )
            _write_key(folder / "ca-key.pem", key)
            write_if_changed(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))
        self._certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        loaded = serialization.load_pem_private_key((folder / "ca-key.pem").read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{folder / 'ca-key.pem'} is not an elliptic-curve key")
        self._key = loaded

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return (self._folder / "ca.pem").read_bytes()

    def issue(self, target: Path, user: str, group: str = "", names: Sequence[str] = ()) -> None:
        """Write <target>.pem and <target>-key.pem for the server `names` (addresses or host names) and the client `user`.

        Kubernetes reads the user from the common name and the group from the organisation.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = tls.certificate(_name(user, group), self._certificate.subject, key.public_key()).add_extension(
            x509.ExtendedKeyUsage(usages), critical=False
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_alternative, names))), critical=False)
        _write_key(target.with_name(f"{target.name}-key.pem"), key)
        certificate = builder.sign(self._key, hashes.SHA256())
        write_if_changed(target.with_name(f"{target.name}.pem"), certificate.public_bytes(serialization.Encoding.PEM))

    def kubeconfig(self, target: Path, server: str, user: str, group: str = "") -> None:
        """Write a kubeconfig with a client certificate for `user`, unless one for this server exists."""
        if target.exists() and server in target.read_text():
            return
        scratch = target.with_suffix(".client")
        self.issue(scratch, user, group)
        files = [scratch.with_name(f"{scratch.name}{end}") for end in (".pem", "-key.pem")]
        certificate, key = (base64.b64encode(file.read_bytes()).decode() for file in files)
        credentials = {"client-certificate-data": certificate, "client-key-data": key}
        write_if_changed(target, kubeconfig(server, self.pem, credentials), 0o600)
        for file in files:
            file.unlink()


def kubeconfig(server: str, authority: bytes, user: Mapping[str, object], name: str = "sandbox") -> str:
    """Return a kubeconfig as JSON, which is valid YAML."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        indent=1,
    )


def service_account_key(target: Path) -> None:
    """Create the key that signs tokens of service accounts."""
    if not target.exists():
        _write_key(target, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _write_key(target: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    write_if_changed(target, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()), 0o600)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common: str, organisation: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(attributes)
