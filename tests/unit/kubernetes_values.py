"""What the tests of the target kubernetes start from."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from settings import KubernetesStack
from settings.load_balancer import LoadBalancerSettings
from specs.app_spec import AppSpec
from specs.container import ContainerSpec
from specs.load_balancer import LoadBalancerSpec
from tests.unit.conftest import settings_of

APP = AppSpec(
    container=ContainerSpec(
        name="jupyterlab",
        port=8888,
        environment={"GREETING": "it's $(HOME) & more", "PORT": "1"},
        secret_names=["password-hash"],
        data_path="/jupyter",
        health_path="/api",
        user_id=10001,
        memory_gb=9,
    ),
    namespace="jupyterlab-oke",
    version="v1.0.0",
    cpus=2,
    replicas=1,
    storage_class="oci-bv",
    access_mode="ReadWriteOnce",
    volume_gb=50,
    volume_id="",
    retained=True,
    fingerprint="abc",
)

LOAD_BALANCER = LoadBalancerSpec(LoadBalancerSettings(), port=8888, tls_secret="")


def kubernetes_settings(values: dict[str, Any]) -> KubernetesStack:
    """Parse `values`, which are the instance's, as a stack of target kubernetes."""
    settings = settings_of({"apiNetworks": ["203.0.113.7/32"], **values, "target": "kubernetes"})
    assert isinstance(settings, KubernetesStack)
    return settings


def certificate(
    name: str = "app.example.com",
    valid_days: tuple[int, int] = (-1, 3650),
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    issuer: str = "",
) -> tuple[str, str]:
    """A self-signed certificate, valid from and until so many days from now, and its private key, as PEM. issuer: a name to put in."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject, above = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, issuer or name)
    )
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=valid_days[0]))
        .not_valid_after(now + timedelta(days=valid_days[1]))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()


@pytest.fixture
def kubernetes_stack(values: dict[str, Any]) -> dict[str, Any]:
    """What a person sets for the target, and nothing of the other one's."""
    return {key: value for key, value in values.items() if key not in ("sshNetworks", "sshPrivateKeyFile")} | {
        "target": "kubernetes",
        "apiNetworks": ["203.0.113.7/32"],
    }
