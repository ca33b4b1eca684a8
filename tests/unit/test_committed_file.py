"""Adaptation of a team's committed stack file to the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox import account, committed_file, paths
from sandbox.toolchain.tools import KUBERNETES_VERSION
from specs import tls

GATEWAY = f"{paths.GATEWAY}/32"


def adapted(builds: bool = False, **values: Any) -> dict[str, Any]:
    """Return the project's own keys after adaptation."""
    found = committed_file.adapted({f"p:{key}": value for key, value in values.items()}, "p", builds=builds)
    return {key.removeprefix("p:"): value for key, value in found.items()}


@pytest.fixture
def own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "LOAD_BALANCER", tmp_path / "load-balancer.pem")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("compartmentId", "ocid1.compartment.oc1..team"),
        ("dataVolumeId", "ocid1.volume.oc1.eu-frankfurt-1.team"),
        ("imageId", "ocid1.image.oc1.eu-frankfurt-1.team"),
        ("loadBalancerSecurityGroupIds", ["ocid1.networksecuritygroup.oc1.eu-frankfurt-1.team"]),
        ("sshPrivateKeyFile", "~/.ssh/id_of_the_team"),
        ("caBundleFile", "/etc/ssl/of-the-team.pem"),
        ("kubernetesVersion", "v1.31.1"),
    ],
)
def test_values_of_the_teams_account_are_removed(key: str, value: Any) -> None:
    assert adapted(**{key: value}, port=1) == {"port": 1}


def test_provider_configuration_of_the_team_is_removed() -> None:
    config = {"oci:region": "us-ashburn-1", "oci:configFileProfile": "team", "policy:exceptions": ["data-kept"]}
    assert committed_file.adapted(config, "p", builds=False) == {"policy:exceptions": ["data-kept"]}


def test_invalid_values_are_kept_for_the_program_to_refuse() -> None:
    wrong = {"dataVolumeId": "my volume", "availabilityDomain": "AD-1", "caBundleFile": "no/such.pem", "sshNetworks": 1}
    assert adapted(builds=True, **wrong) == wrong


def test_dependent_keys_are_removed_together() -> None:
    assert adapted(subnetId="ocid1.subnet.oc1.x.team", assignPublicIp=False, port=1) == {"port": 1}
    cluster: dict[str, Any] = {
        "clusterId": "ocid1.cluster.oc1.x.team",
        "loadBalancerSubnetId": "ocid1.subnet.oc1.x.team",
    }
    beside: dict[str, Any] = {"privateApiEndpoint": True, "securityListManagementMode": "All"}
    assert adapted(**cluster, **beside, port=1) == {"port": 1}
    assert adapted(**beside) == beside


def test_availability_domain_keeps_its_number() -> None:
    for number in (1, 2, 3):
        found = adapted(availabilityDomain=f"Uocm:EU-FRANKFURT-1-AD-{number}")
        assert found == {"availabilityDomain": paths.AVAILABILITY_DOMAINS[number - 1]}


def test_available_kubernetes_version_is_kept() -> None:
    assert adapted(kubernetesVersion=f"v{KUBERNETES_VERSION}") != {}


def test_encrypted_values_are_removed_or_replaced() -> None:
    secret = {"secure": "v1:x"}
    assert adapted(password=secret, registryUsername=secret, sshNetworks=[secret], port=1) == {"port": 1}
    files = {"password-hash": "argon2:{argon2}", "users.conf": secret}
    assert adapted(secretFiles=files) == {"secretFiles": {**files, "users.conf": committed_file.ENCRYPTED}}
    assert "secretFiles.users.conf" in committed_file.placeholder(("secretFiles", "users.conf"))


@pytest.mark.usefixtures("own_account")
def test_certificate_with_an_encrypted_key_is_replaced() -> None:
    given: dict[str, Any] = {"tlsCertificate": "of the team", "tlsPrivateKey": {"secure": "v1:x"}}
    found = adapted(**given)
    assert found == adapted(**given), "the result is stable"
    assert found["tlsPrivateKey"] == committed_file.ENCRYPTED
    tls.check(found["tlsCertificate"], committed_file.placeholder(("tlsPrivateKey",)))


def test_only_built_stacks_admit_this_machine() -> None:
    given: dict[str, Any] = {"sshNetworks": ["203.0.113.7/32"], "apiNetworks": ["203.0.113.8/32"]}
    assert adapted(**given) == given
    assert adapted(builds=True, **given) == {key: [*value, GATEWAY] for key, value in given.items()}
    assert adapted(builds=True, sshNetworks=[GATEWAY]) == {"sshNetworks": [GATEWAY]}


def test_built_stack_uses_the_sandbox_registry_and_builder() -> None:
    given: dict[str, Any] = {"registryHost": "ocir.example.com", "registryUsername": "domain/me", "builder": "mine"}
    assert adapted(**given) == given
    assert adapted(builds=True, **given) == {}


def test_differing_lists_changed_keys_except_secrets() -> None:
    committed = {
        "oci:region": "us-ashburn-1",
        "p:dataVolumeId": "ocid1.volume.oc1..team",
        "p:password": {"secure": "v1:x"},
        "p:secretFiles": {"users": {"secure": "v1:x"}},
        "p:port": 1,
    }
    here = {
        "oci:region": paths.REGION,
        "p:password": {"secure": "v1:y"},
        "p:secretFiles": {"users": {"secure": "v1:y"}},
        "p:port": "1",
        "p:app": "of the sandbox alone",
    }
    assert committed_file.differing(committed, here, "p") == ["dataVolumeId", "oci:region"]
