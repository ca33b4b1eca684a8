"""Settings: what a stack file may say, and the errors of a wrong one."""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import ConfigurationError, InstanceStack, KubernetesStack, parse, plain_places
from settings.errors import describe
from settings.key import KEYS
from specs.checks import NO_HOSTS, cidr, own_network
from specs.oci_profile import OciProfile, read
from tests.unit.conftest import PROFILE, as_pulumi_does, settings_of
from tests.unit.kubernetes_values import certificate
from tests.wrong_configurations import IN_A_CLUSTER, IN_AN_EXISTING_CLUSTER, WRONG, Wrong

MISSING = {"password": "", "registryToken": ""}


def test_the_account_and_the_defaults_are_a_whole_configuration(values: dict[str, Any]) -> None:
    settings = settings_of(values)
    assert isinstance(settings, InstanceStack)
    assert settings.registry_host == "ocir.eu-frankfurt-1.oci.oraclecloud.com"
    assert settings.scope.compartment_id == "ocid1.tenancy.oc1..root"
    assert settings.stack_name == "jupyterlab-dev"
    assert (settings.machine.ocpus, settings.machine.memory_in_gbs, settings.container.memory_gb) == (2, 12, 10)
    assert settings.url == "http://127.0.0.1:8888"


@pytest.mark.parametrize("key", ["dataVolumeId", "repositoryId"])
def test_the_fix_for_a_wrong_ocid_is_one_of_the_right_kind(key: str, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of({**values, key: "mine"})
    assert f"    pulumi config set {key} {KEYS[key].example}" in str(caught.value).splitlines()
    assert settings_of({**values, key: KEYS[key].example}).values[key] == KEYS[key].example


@pytest.mark.parametrize("wrong", [wrong for wrong in WRONG if wrong.fix], ids=lambda wrong: wrong.name)
def test_a_wrong_configuration_is_refused_with_key_reason_and_fix(wrong: Wrong, values: dict[str, Any]) -> None:
    absent = {key: MISSING.get(key) for key, value in wrong.values.items() if value is None}
    with pytest.raises(ConfigurationError) as caught:
        settings_of({**values, **wrong.values, **absent})
    message = str(caught.value)
    assert f"\n{wrong.key}" in message
    assert wrong.message in message
    assert f"    {wrong.fix}" in message.splitlines()


def test_numbers_and_booleans_in_environment_become_text(values: dict[str, Any]) -> None:
    given = {"SECONDS": 3600, "HALF": 0.5, "ON": True, "OFF": False, "TEXT": "007"}
    shown = {"SECONDS": "3600", "HALF": "0.5", "ON": "true", "OFF": "false", "TEXT": "007"}
    on_instance = settings_of({**values, "environment": given})
    assert on_instance.app.environment == shown
    on_kubernetes = settings_of({**values, **IN_A_CLUSTER, "environment": given})
    assert isinstance(on_kubernetes, KubernetesStack)
    assert on_kubernetes.app.environment == shown


def test_a_secret_file_larger_than_podman_takes_is_refused(values: dict[str, Any]) -> None:
    settings_of({**values, "secretFiles": {"model": "ü" + "x" * 511_997}})
    with pytest.raises(ConfigurationError, match=r"secretFiles\.model: has 512000 bytes; podman takes at most 511999"):
        settings_of({**values, "secretFiles": {"model": "ü" + "x" * 511_998}})


def test_an_ssh_agent_that_is_gone_is_refused_with_the_command_that_forgets_it(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # In /tmp: the path of a socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", f"{folder}/agent")
        agent.bind(f"{folder}/agent")
        agent.listen()
        settings_of(values)
        agent.close()
        with pytest.raises(ConfigurationError, match="SSH_AUTH_SOCK: names an SSH agent that does not") as caught:
            settings_of(values)
    assert "    unset SSH_AUTH_SOCK" in str(caught.value).splitlines()


def test_one_run_reports_all_errors(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of({**values, "ocpus": 99, "port": 22, "imageTag": "/"})
    assert all(f"\n{key}: " in str(caught.value) for key in ("ocpus", "port", "imageTag"))


def test_no_error_shows_a_secret(values: dict[str, Any]) -> None:
    wrong = {"password": "s3cr3t!", "registryToken": "t0ken with space", "secretFiles": {"x": "", "y": "c0ntent"}}
    with pytest.raises(ConfigurationError) as caught:
        settings_of({**values, **wrong})
    assert not any(secret in str(caught.value) for secret in ("s3cr3t!", "t0ken", "c0ntent"))
    # A token may look like an OCID of another realm.
    assert settings_of({**values, "registryToken": "ocid1.token.oc2.x.hunter2"}).registry.registry_token


def test_a_flag_in_the_name_of_a_secret_is_no_secret(values: dict[str, Any]) -> None:
    flag = {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    assert settings_of({**values, "environment": flag}).app.environment == flag


def test_several_jupyterlab_pods_are_one_error(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of({**values, **IN_A_CLUSTER, "replicas": 2})
    assert str(caught.value).count("\nreplicas: ") == 1


@pytest.mark.parametrize("key", ["password", "registryToken"])
def test_a_secret_in_plain_text_is_refused_with_the_command_that_encrypts_it(key: str, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(as_pulumi_does(values), "p", "dev", PROFILE, lambda asked: asked != key)
    assert f"{key}: is in plain text" in str(caught.value)
    assert f"pulumi config set --secret {key}" in str(caught.value)


def test_an_encrypted_variable_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="environment: has an encrypted value") as caught:
        parse(as_pulumi_does({**values, "environment": {"GREETING": "hunter2"}}), "p", "dev", PROFILE, lambda _: True)
    assert "pulumi config set --secret --path 'secretFiles.<name>'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_file_in_plain_text_is_refused_unless_it_holds_only_the_hash(values: dict[str, Any]) -> None:
    def refused(files: dict[str, str]) -> str:
        given = as_pulumi_does({**values, "secretFiles": files})
        try:
            parse(given, "p", "dev", PROFILE, lambda place: not place.startswith(("secretFiles", "environment")))
        except ConfigurationError as error:
            return str(error)
        return ""

    assert refused({"users": "me:{argon2} you:{argon2}\n", "hash": "{argon2}"}) == ""
    message = refused({"token": "hunter2 hunter2", "a.conf": "key=hunter2\nhash={argon2}"})
    assert "secretFiles.token: is in plain text" in message
    assert "    pulumi config set --secret --path secretFiles.token" in message.splitlines()
    assert "    pulumi config set --secret --path 'secretFiles[\"a.conf\"]'" in message.splitlines()
    assert "hunter2" not in message


def test_a_plain_value_beside_an_encrypted_one_is_found_in_the_stacks_file(tmp_path: Path) -> None:
    file, encrypted = tmp_path / "Pulumi.dev.yaml", {"secure": "v1:abc"}
    config = {
        "p:secretFiles": {"token": encrypted, "other": "hunter2", "a.conf": "hunter2"},
        "p:whole": encrypted,
        "p:port": "8888",
    }
    file.write_text(yaml.safe_dump({"config": config}))
    assert plain_places(file, "p:") == {"secretFiles.other", 'secretFiles["a.conf"]'}
    file.write_text("config: {p:secretFiles: {123: one, on: two, 2026-01-01: three, token: {secure: v1:abc}}}")
    assert plain_places(file, "p:") == {'secretFiles["123"]', "secretFiles.on", 'secretFiles["2026-01-01"]'}
    for content in ("", "config:", "config: [", "\0"):
        file.write_text(content)
        assert plain_places(file, "p:") == set()
    assert plain_places(tmp_path / "none", "p:") == set()


HOSTILE = "$(>planted)`>planted`'\";>planted\n    pulumi destroy --yes\x1b[2J\u202e"


@pytest.mark.parametrize("stack", ["dev", HOSTILE])
def test_no_value_plants_a_command_a_line_or_an_escape_sequence_in_a_message(
    stack: str, values: dict[str, Any], tmp_path: Path
) -> None:
    of_both = {
        **values,
        **IN_A_CLUSTER,
        "tlsCertificate": HOSTILE,
        "tlsPrivateKey": HOSTILE,
        "environment": {HOSTILE: "x"},
    }
    of_both |= {"secretFiles": {HOSTILE: "x"}, "sshNetworks": [HOSTILE], "dataPath": f"/a/../{HOSTILE}"}
    profile = OciProfile(HOSTILE, "ocid1.tenancy.oc1..root", "ocid1.user.oc1..me")
    hostile = [
        *({**of_both, key: HOSTILE} for key, value in values.items() if isinstance(value, str)),
        {**of_both, HOSTILE: "1"},
        {**of_both, f"-{HOSTILE}": "1"},
    ]
    for target in ("instance", "kubernetes"):
        for given in hostile:
            with pytest.raises(ConfigurationError) as caught:
                parse(as_pulumi_does({**given, "target": target}), "p", stack, profile)
            first, *lines = str(caught.value).split("\n")
            assert all(line.isprintable() for line in (first, *lines))
            commands = [line for line in lines if line.startswith("    ")]
            assert not any(command.startswith("    pulumi destroy") for command in commands)
            script = "pulumi() { :; }; make() { :; }; ssh-keygen() { :; }\n" + "\n".join(commands)
            subprocess.run(["bash", "-c", script.replace("<", "").replace(".pem", "")], cwd=tmp_path, check=True)
            assert list(tmp_path.iterdir()) == []


def test_a_stack_name_that_no_registry_takes_is_refused_with_a_fitting_one(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="pulumi stack rename my-stack"):
        parse(as_pulumi_does(values), "p", "My_Stack", PROFILE)


@pytest.mark.parametrize("stack", ["x.y", "x--y", "x-", "-x", "x_y", "X"])
def test_a_stack_name_that_could_equal_anothers_is_refused(stack: str, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="pulumi stack rename"):
        parse(as_pulumi_does(values), "p", stack, PROFILE)


def test_no_two_stacks_or_apps_have_a_name_in_common(values: dict[str, Any]) -> None:
    def names(app: str, stack: str) -> list[tuple[str, str]]:
        on_kubernetes = parse(as_pulumi_does({**values, **IN_A_CLUSTER, "app": app}), "p", stack, PROFILE)
        on_instance = parse(as_pulumi_does({**values, "app": app}), "p", stack, PROFILE)
        assert isinstance(on_kubernetes, KubernetesStack)
        assert on_kubernetes.namespace == on_kubernetes.stack_name == on_instance.stack_name
        return [
            ("of all in the cloud, and the namespace", on_kubernetes.stack_name),
            ("persistent volume", on_kubernetes.app_spec.volume),
            ("folder", f"{on_kubernetes.staging_folder}/{app}"),
        ]

    words = ("a", "b", "a-b", "b-c", "a-b-c", "c", "a--b", "data", "a-data")
    pairs = [(app, stack) for app in words for stack in words if "--" not in stack]
    found = [name for app, stack in pairs for name in names(app, stack)]
    assert len(found) == len(set(found))


def test_the_usual_names_are_app_hyphen_stack(values: dict[str, Any]) -> None:
    assert settings_of(values).stack_name == "jupyterlab-dev"
    assert settings_of({**values, "app": "my-app"}).stack_name == "my-app--dev"


def test_data_are_retained_by_default_and_an_output_says_so(values: dict[str, Any]) -> None:
    settings = settings_of(values)
    assert isinstance(settings, InstanceStack)
    assert settings.instance.retain_data
    assert "pulumi config set dataVolumeId" in settings.retained
    # Beyond that Pulumi shows an output cut off.
    assert len(settings.retained) <= 150
    assert settings_of({**values, "retainData": False}).retained == ""
    assert settings_of({**values, **IN_A_CLUSTER}).retained == settings.retained
    assert "kubectl delete namespace jupyterlab-dev" in settings_of({**values, **IN_AN_EXISTING_CLUSTER}).retained
    assert settings_of({**values, **IN_A_CLUSTER, "retainClaim": False}).retained == ""


def test_a_key_with_a_passphrase_is_refused_with_the_way_out(values: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "passphrase", "-f", str(file)], check=True)
    with pytest.raises(ConfigurationError, match="protected by a passphrase"):
        settings_of({**values, "sshPrivateKeyFile": str(file)})


def test_without_an_account_the_error_names_the_keys_that_replace_it(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(values, OciProfile("", "", ""))
    for fix in ("oci:region '<region>'", "compartmentId '<OCID>'", "registryUsername '<user name>'"):
        assert f"    pulumi config set {fix}" in str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("region", "tenancy", "says", "fix"),
    [
        ("fra", "oc1", "oci:region: is 'fra', the short name of eu-frankfurt-1", "oci:region eu-frankfurt-1"),
        ("US-ASHBURN-1", "oc1", "oci:region: is 'US-ASHBURN-1', in capitals", "oci:region us-ashburn-1"),
        ("frankfurt", "oc1", "oci:region: is 'frankfurt', which is not the name of a region", "oci:region '<region>'"),
        (
            "eu-frankfurt-１",
            "oc1",
            "oci:region: is 'eu-frankfurt-１', which is not the name of a region",
            "oci:region '<region>'",
        ),
        (
            "us-gov-ashburn-1",
            "oc3",
            "registryHost: is not set, and the name of the registry is unknown for the realm oc3",
            "registryHost '<registry host>'",
        ),
    ],
)
def test_a_region_or_realm_with_an_unknown_registry_is_refused(
    region: str, tenancy: str, says: str, fix: str, values: dict[str, Any]
) -> None:
    shown = errors(values, OciProfile(region, f"ocid1.tenancy.{tenancy}..root", "ocid1.user.oc1..me"))
    assert shown[0].startswith(says)
    assert shown[1:] == [f"    pulumi config set {fix}"]


def test_a_region_that_the_sdk_does_not_have_yet_is_taken(values: dict[str, Any]) -> None:
    assert settings_of(values, replace(PROFILE, region="xx-somewhere-9")).registry_host.startswith(
        "ocir.xx-somewhere-9."
    )


@pytest.mark.parametrize("network", NO_HOSTS)
def test_a_network_without_hosts_is_refused_for_people_and_for_machines(network: str) -> None:
    within = f"{network.partition('/')[0]}/24"
    for accept in (own_network, cidr):
        with pytest.raises(ValueError, match=re.escape(NO_HOSTS[network])):
            accept(within)


def test_an_error_of_no_key_is_one_line() -> None:
    assert (
        describe({"loc": ("app",), "type": "value_error", "msg": "Value error, a\nb"}, {}) == "the configuration: a\\nb"
    )


def test_a_dockerfile_that_is_no_text_is_refused(values: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes("FROM x".encode("utf-16"))
    given = {**values, "context": str(tmp_path), "extraRequirements": "docker/jupyterlab/requirements.txt"}
    with pytest.raises(ConfigurationError, match=r"context: .*/Dockerfile cannot be read"):
        settings_of(given)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"[z-a]\n", "has an invalid pattern: [z-a] ("), ("größe\n".encode("latin-1"), "cannot be read (")],
)
def test_a_dockerignore_that_cannot_be_used_is_named(
    content: bytes, says: str, values: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").touch()
    (tmp_path / ".dockerignore").write_bytes(content)
    shown = errors({**values, "context": str(tmp_path)}, PROFILE)
    assert shown[0].startswith(f"context: {tmp_path}/.dockerignore {says}")


ACCOUNT = "user=ocid1.user.oc1..u\nfingerprint=12:34\ntenancy=ocid1.tenancy.oc1..t\nregion=eu-frankfurt-1\n"
SIGNED_ELSEWHERE = {
    "TF_VAR_tenancy_ocid": "ocid1.tenancy.oc1..t",
    "TF_VAR_user_ocid": "ocid1.user.oc1..u",
    "TF_VAR_fingerprint": "12:34",
    "TF_VAR_private_key_path": "/key.pem",
    "TF_VAR_region": "eu-frankfurt-1",
}
UNUSABLE = {
    "pasted twice": (f"[DEFAULT]\n{ACCOUNT}[DEFAULT]\n{ACCOUNT}", "has the profile DEFAULT twice", "keep one, or give"),
    "pasted below itself": (f"[DEFAULT]\n{ACCOUNT}{ACCOUNT}", "has user twice in the profile DEFAULT", "keep one"),
    "a profile twice": (f"[W]\n{ACCOUNT}[W]\n{ACCOUNT}", "has the profile W twice", "keep one, or give"),
    "without a profile": (ACCOUNT, "does not begin with a profile", "put [DEFAULT] above the text"),
    "with a byte order mark": (
        f"\ufeff[DEFAULT]\n{ACCOUNT}",
        "does not begin with a profile",
        "without a byte order mark",
    ),
    "a line that is none": (
        f"[DEFAULT]\n{ACCOUNT}pass phrase\n",
        "has a line that is no `name=value` (line 6)",
        "paste",
    ),
    "of another profile": (
        f"[home]\n{ACCOUNT}",
        "has no profile DEFAULT; it has home",
        "oci:configFileProfile home",
    ),
    "empty": ("", "has no profile DEFAULT; it has none at all", "My profile → API keys"),
    "without its key": (f"[DEFAULT]\n{ACCOUNT}", "has no key_file", "with the key's path as key_file"),
    "without a user": (
        f"[DEFAULT]\n{ACCOUNT.replace('user=', '#user=')}",
        "lacks user; the stack's oci: configuration and the environment lack tenancy, user, fingerprint",
        "My profile → API keys",
    ),
    "the console's placeholder": (
        f"[DEFAULT]\n{ACCOUNT}key_file=<path to your private keyfile> # TODO\n",
        "its key_file does not exist: <path to your private keyfile> # TODO",
        "with the key's path as key_file",
    ),
}


def errors(values: dict[str, Any], profile: OciProfile) -> list[str]:
    """The lines of the error."""
    with pytest.raises(ConfigurationError) as caught:
        settings_of(values, profile)
    return str(caught.value).splitlines()[1:]


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_account_file_is_the_only_error_and_has_its_fix(
    name: str, values: dict[str, Any], tmp_path: Path
) -> None:
    content, says, fix = UNUSABLE[name]
    file = tmp_path / "config"
    file.write_text(content)
    problem, remedy = errors(values, read(lambda _: None, {}, file))
    assert problem.startswith(f"{file}: {says}")
    assert fix in remedy
    assert "pass phrase" not in problem + remedy


def test_an_account_file_in_another_encoding_is_refused(values: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(f"[DEFAULT]\n{ACCOUNT}".encode("utf-16"))
    assert errors(values, read(lambda _: None, {}, file))[0] == f"{file}: is not in UTF-8"


def test_a_misspelt_profile_is_refused_with_the_existing_ones(values: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"[DEFAULT]\n{ACCOUNT}\n[work]\n{ACCOUNT}")
    by_stack = errors(values, read({"configFileProfile": "wrok"}.get, {}, file))
    assert by_stack == [
        f"{file}: has no profile wrok; it has DEFAULT, work",
        "    pulumi config set oci:configFileProfile DEFAULT",
    ]
    by_environment = errors(values, read(lambda _: None, {"TF_VAR_config_file_profile": "wrok"}, file))
    assert by_environment[1] == "    export TF_VAR_config_file_profile=DEFAULT"


def test_without_an_account_the_file_is_asked_for_and_not_what_follows_from_it(
    values: dict[str, Any], tmp_path: Path
) -> None:
    shown = errors(values, read({"region": "eu-frankfurt-1"}.get, {}, tmp_path / "none"))
    assert len(shown) == 2
    assert "does not exist, and nothing else names the account (docs/own-account.md)" in shown[0]
    assert "My profile → API keys" in shown[1]


@pytest.mark.parametrize("name", UNUSABLE)
def test_the_account_file_does_not_matter_where_requests_are_signed_without_it(
    name: str, values: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "config"
    file.write_text(UNUSABLE[name][0])
    assert settings_of(values, read(lambda _: None, SIGNED_ELSEWHERE, file)).profile.user_ocid == "ocid1.user.oc1..u"
    assert read({"configFileProfile": "wrok"}.get, SIGNED_ELSEWHERE, tmp_path / "none").problem == ""
    assert read({"auth": "InstancePrincipal"}.get, {}, file).problem == ""


def test_a_key_named_elsewhere_is_used_instead_of_the_account_files(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(UNUSABLE["the console's placeholder"][0])
    for key in ("privateKey", "privateKeyPath"):
        assert read({key: "x"}.get, {}, file).problem == ""
    assert read(lambda _: None, {"TF_VAR_private_key_path": "x"}, file).problem == ""


def test_keys_of_the_other_target_are_not_checked(values: dict[str, Any]) -> None:
    of_cluster = {"apiNetworks": [], "clusterId": "mine", "nodeCount": 0, "loadBalancerMinMbps": 1}
    assert isinstance(settings_of({**values, **of_cluster}), InstanceStack)
    of_instance = {
        "sshNetworks": [],
        "sshPrivateKeyFile": "/none",
        "subnetCidr": "10.9.0.0/24",
        "assignPublicIp": False,
    }
    assert isinstance(settings_of({**values, **IN_A_CLUSTER, **of_instance}), KubernetesStack)


def test_a_clusters_own_network_is_not_asked_for_when_the_cluster_is_there(values: dict[str, Any]) -> None:
    settings = settings_of({**values, **IN_AN_EXISTING_CLUSTER, "apiNetworks": [], "vcnCidr": "10.0.0.0/30"})
    assert isinstance(settings, KubernetesStack)
    assert settings.network_spec.subnets == []


def test_certificate_and_key_belong_together_and_the_key_is_encrypted(values: dict[str, Any]) -> None:
    (pem, key), (_, another) = certificate(), certificate()
    with_tls = {**values, **IN_A_CLUSTER, "tlsCertificate": pem, "tlsPrivateKey": key}
    settings = settings_of(with_tls)
    assert isinstance(settings, KubernetesStack)
    assert settings.listener_port == 443
    with pytest.raises(ConfigurationError) as caught:
        settings_of({**with_tls, "tlsPrivateKey": another})
    assert "tlsPrivateKey: is not the key of tlsCertificate" in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        parse(as_pulumi_does(with_tls), "p", "dev", PROFILE, lambda asked: asked != "tlsPrivateKey")
    assert "tlsPrivateKey: is in plain text" in str(caught.value)
    assert "pulumi config set --secret tlsPrivateKey <key.pem" in str(caught.value)
    assert another not in str(caught.value)
    assert key not in str(caught.value)


def test_a_stack_name_too_long_for_a_namespace_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="Kubernetes takes 63 characters"):
        parse(as_pulumi_does({**values, **IN_A_CLUSTER}), "p", "s" * 60, PROFILE)
