"""The contract of the configuration: Pulumi.yaml, the settings, the table of keys and the schema of stack files say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

import settings.__main__
from settings import ConfigurationError, InstanceSettings, KubernetesSettings, contract, parse
from settings.__main__ import written
from tests.support import stack_files
from tests.support.stack import SECRET_KEYS
from tests.unit.conftest import PROFILE, ROOT, as_pulumi_does, settings_of
from tests.unit.kubernetes_values import certificate

PROJECT_FILE = (ROOT / "Pulumi.yaml").read_text()
CONTRACT = contract.read(PROJECT_FILE)
COMMITTED = sorted(ROOT.glob("Pulumi.*.yaml"))
KEYS = {key.name: key for key in CONTRACT.keys}
FIRST_LINE = "# yaml-language-server: $schema=docs/stack.schema.json"


@pytest.mark.parametrize("path", written(PROJECT_FILE))
def test_the_committed_file_is_what_make_docs_writes(path: str) -> None:
    committed = (ROOT / path).read_text() if (ROOT / path).exists() else ""
    assert committed == written(PROJECT_FILE)[path], (
        f"{path} is not of Pulumi.yaml and settings/ as they are: make docs"
    )


def test_the_table_and_the_schema_have_every_key_of_pulumi_yaml_in_its_section() -> None:
    keys = yaml.safe_load(PROJECT_FILE)["config"]
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(keys)
    assert [line.removeprefix("## ").lower() for line in page.splitlines() if line.startswith("## ")] == [
        title.lower() for title in CONTRACT.sections
    ]
    assert "](docs/configuration.md)" in (ROOT / "README.md").read_text()
    schema = json.loads((ROOT / "docs/stack.schema.json").read_text())["properties"]["config"]["properties"]
    assert [key for key in schema if key.startswith("containerised-app:")] == [
        f"containerised-app:{key}" for key in keys
    ]


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.pop(key)


def changed(key: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda config: config[key].update(values)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without("ocpus"), "ocpus: is a field of settings, but not in Pulumi.yaml"),
        (lambda config: config.update(cores=config["ocpus"]), "cores: is in Pulumi.yaml, but no field of settings"),
        (
            changed("ocpus", type="string", default="2"),
            "ocpus: is of type string in Pulumi.yaml and integer in settings",
        ),
        (changed("platforms", items={"type": "integer"}), "platforms: has items of type integer"),
        (
            changed("retainImages", type="integer", default=0),
            "retainImages: is of type integer in Pulumi.yaml and boolean",
        ),
        (changed("ocpus", default=77), "ocpus: its default 77 is refused by settings"),
        (changed("subnetCidr", default="10.0.0.1/24"), "subnetCidr: its default '10.0.0.1/24' is refused by settings"),
        (changed("environment", default={"A B": "x"}), "environment: its default {'A B': 'x'} is refused by settings"),
        (changed("password", default="correct horse"), "password: its default 'correct horse' will do, but"),
        (changed("ocpus", description="OCPUs (1-80)."), "ocpus: its description tells (1-80), settings take 1 to 76"),
        (
            changed("replicas", description="Pods (1-100)."),
            "replicas: its description tells (1-100), settings take 0 to 100",
        ),
        (changed("ocpus", description="OCPUs."), "ocpus: its description does not tell the range (1-76)"),
        (
            changed("accessMode", description="ReadWriteOnce."),
            "accessMode: its description does not name the choice ReadWriteMany",
        ),
        (changed("tlsPrivateKey", description="The key."), "tlsPrivateKey: is a secret in settings"),
        (changed("builder", description="Secret. The builder."), "builder: is no secret in settings"),
        (lambda config: config["app"].pop("default"), "app: lacks default in Pulumi.yaml"),
    ],
)
def test_a_disagreement_between_pulumi_yaml_and_settings_is_told(
    change: Callable[[dict[str, Any]], None], told: str
) -> None:
    with pytest.raises(contract.ContractError) as caught:
        contract.read(project_file(change))
    assert told in str(caught.value)


def project_file(change: Callable[[dict[str, Any]], Any]) -> str:
    """Pulumi.yaml with another configuration, under the same headings."""
    document = yaml.safe_load(PROJECT_FILE)
    change(document["config"])
    text: str = yaml.safe_dump(document, sort_keys=False)
    for title, keys in CONTRACT.sections.items():
        text = text.replace(f"\n  {keys[0].name}:\n", f"\n  # --- {title} ---\n  {keys[0].name}:\n")
    return text


def test_another_way_to_write_pulumi_yaml_is_the_same_contract() -> None:
    assert contract.read(project_file(dict)) == CONTRACT


def test_a_key_under_no_section_is_told() -> None:
    with pytest.raises(contract.ContractError, match="password: is under no section"):
        contract.read(PROJECT_FILE.replace("  # --- what you must set", "  # what you must set"))


class OtherKubernetesSettings(KubernetesSettings):
    ocpus: int = Field(ge=1, le=10)


def test_a_key_which_the_targets_describe_differently_is_told() -> None:
    with pytest.raises(contract.ContractError, match="ocpus: is described differently"):
        contract.read(PROJECT_FILE, {"instance": InstanceSettings, "kubernetes": OtherKubernetesSettings})


def test_make_docs_writes_nothing_from_sources_that_disagree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings.__main__, "ROOT", tmp_path)
    (tmp_path / "Pulumi.yaml").write_text(PROJECT_FILE.replace("(1-76)", "(1-80)"))
    assert settings.__main__.main() == 1
    assert "ocpus: its description tells (1-80), settings take 1 to 76" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["Pulumi.yaml"]
    (tmp_path / "Pulumi.yaml").write_text(PROJECT_FILE)
    assert settings.__main__.main() == 0
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")} == {
        "Pulumi.yaml",
        *written(PROJECT_FILE),
    }


NUMBERS = [key for key in CONTRACT.keys if key.type == "integer"]


@pytest.mark.parametrize("key", NUMBERS, ids=lambda key: key.name)
def test_the_program_takes_the_ends_of_a_range_and_refuses_what_lies_beyond(
    key: contract.Key, values: dict[str, Any]
) -> None:
    own = {**values, "target": key.targets[0], "apiNetworks": ["203.0.113.7/32"]}

    def refused(value: int) -> bool:
        try:
            settings_of({**own, key.name: value})
        except ConfigurationError as error:
            # What a value is with others is another matter, and told without the value's own bounds.
            return bool(re.search(rf"\n{key.name}: (input should be|ports? )", str(error)))
        return False

    least, most = key.accepts["minimum"], key.accepts.get("maximum")
    assert not refused(least)
    assert refused(least - 1)
    if most is not None:
        assert not refused(most)
        assert refused(most + 1)


@pytest.mark.parametrize("key", [key for key in CONTRACT.keys if key.secret], ids=lambda key: key.name)
def test_the_program_refuses_in_plain_text_what_the_contract_calls_secret(
    key: contract.Key, values: dict[str, Any]
) -> None:
    own = {**values, "secretFiles": {"users": "me"}}
    if key.name == "tlsPrivateKey":
        pem, private_key = certificate()
        kubernetes = {"target": "kubernetes", "apiNetworks": ["203.0.113.7/32"]}
        own = {**own, **kubernetes, "tlsCertificate": pem, "tlsPrivateKey": private_key}
    place = "secretFiles.users" if key.name == "secretFiles" else key.name
    with pytest.raises(ConfigurationError, match=f"{place}: is in plain text"):
        parse(
            as_pulumi_does(own), "containerised-app", "dev", PROFILE, lambda asked: asked not in (place, "environment")
        )


def test_every_secret_which_the_tests_encrypt_is_one_of_the_contract() -> None:
    assert {key.name for key in CONTRACT.keys if key.secret and key.type == "string"} == set(SECRET_KEYS)


# --- the schema ---


def config(**values: Any) -> dict[str, Any]:
    return {"config": {f"containerised-app:{key}": value for key, value in values.items()}}


def test_the_schema_is_one_whose_patterns_editors_understand() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--check-metaschema", str(stack_files.SCHEMA)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.name)
def test_every_committed_stack_file_is_valid_and_names_the_schema(file: Path) -> None:
    assert stack_files.problems(yaml.safe_load(file.read_text())) == []
    first, *comments = file.read_text().split("\n\n")[0].splitlines()
    assert first == FIRST_LINE, f"{file.name}: its first line is not: {FIRST_LINE}"
    # Pulumi drops the comments of a key together with the key, and `config: {}` is dropped.
    assert all(line.startswith("#") for line in comments), f"{file.name}: no empty line after its first comments"


def test_every_default_may_stand_in_a_stack_file_unless_it_must_be_set() -> None:
    optional = {key.name: key.default for key in CONTRACT.keys if not key.secret or key.type == "object"}
    assert stack_files.problems(config(**optional)) == []


ENCRYPTED = {"secure": "v1:hM/lGdmDpfLK6rPm:vXDEqkQNG41KyRopQlhQhWOBxXgVCNpuRWtQ"}


@pytest.mark.parametrize(
    "right",
    [
        config(password=ENCRYPTED, registryToken=ENCRYPTED, tlsPrivateKey=ENCRYPTED),
        # As `pulumi config set` writes numbers and booleans.
        config(ocpus="4", memoryInGbs="24", retainData="true", operatingSystemVersion="9"),
        config(ocpus=4, retainData=True),
        config(environment={"A": "1", "C": 3600, "D": 0.5, "E": True}),
        config(secretFiles={"users": ENCRYPTED, "hash": "argon2:{argon2}", "two": "a:{argon2} b:{argon2}\n"}),
        config(secretFiles=ENCRYPTED, registryUsername=ENCRYPTED, sshNetworks=["203.0.113.7/32", ENCRYPTED]),
        {"config": {"oci:region": "eu-frankfurt-1", "oci:privateKey": ENCRYPTED, "pulumi:tags": {"a": "b"}}},
        {"config": {"policy:exceptions": ["always-free"]}},
        {
            "encryptionsalt": "v1:salt",
            "secretsprovider": "passphrase",
            "encryptedkey": "key",
            "environment": ["shared"],
        },
        {"environment": {"imports": ["shared"]}, "config": {}},
    ],
)
def test_what_pulumi_writes_and_people_need_is_valid(right: dict[str, Any]) -> None:
    assert stack_files.problems(right) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (config(ocpu=2), "containerised-app:ocpu: is not a key of config"),
        ({"config": {"ocpus": 2}}, "ocpus: is not a key of config"),
        ({"config": {"policy:exception": ["always-free"]}}, "policy:exception: is not a key of config"),
        ({"konfig": {}}, "konfig: is not a key of a stack file"),
        ({"config": {"policy:exceptions": "always-free"}}, "policy:exceptions: is not what"),
        (config(ocpus="two"), "containerised-app:ocpus: is not what"),
        (config(ocpus=77), "containerised-app:ocpus: is not what"),
        (config(ocpus=0), "containerised-app:ocpus: is not what"),
        (config(ocpus=1.5), "containerised-app:ocpus: is not what"),
        (config(port=80), "containerised-app:port: is not what"),
        (config(retainData="yes"), "containerised-app:retainData: is not what"),
        (config(target="podman"), "containerised-app:target: is not what"),
        (config(operatingSystemVersion=9), "containerised-app:operatingSystemVersion: is not what"),
        (config(sshNetworks="203.0.113.7/32"), "containerised-app:sshNetworks: is not what"),
        (config(sshNetworks=["203.0.113.7"]), "containerised-app:sshNetworks: is not what"),
        (config(vcnCidr="10.0.0.0"), "containerised-app:vcnCidr: is not what"),
        (config(platforms=["linux/386"]), "containerised-app:platforms: is not what"),
        (config(subnetId="subnet"), "containerised-app:subnetId: is not what"),
        (config(environment={"A B": "x"}), "containerised-app:environment: is not what"),
        (config(environment={"A": [1]}), "containerised-app:environment: is not what"),
        (config(environment={"A": ENCRYPTED}), "containerised-app:environment: is not what"),
        (config(password="correct horse"), "containerised-app:password: has to be encrypted"),
        (config(registryToken="correct horse"), "pulumi config set --secret registryToken"),
        (config(tlsPrivateKey="correct horse"), "containerised-app:tlsPrivateKey: has to be encrypted"),
        ({"config": {"oci:privateKeyPassword": "correct horse"}}, "pulumi config set --secret oci:privateKeyPassword"),
        (config(secretFiles={"users": "correct horse"}), "containerised-app:secretFiles: is not what"),
        (config(secretFiles={"users": "correct horse {argon2}"}), "containerised-app:secretFiles: is not what"),
        (config(sshNetworks=["٢٠٣.0.113.7/32"]), "containerised-app:sshNetworks: is not what"),
    ],
)
def test_a_wrong_stack_file_is_refused_by_key_and_its_value_not_shown(
    wrong: dict[str, Any], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Pulumi.wrong.yaml"
    file.write_text(yaml.safe_dump(wrong))
    assert stack_files.main([str(file)]) == 1
    printed = capsys.readouterr().out
    assert f"Pulumi.wrong.yaml: {told}" in printed or f"    {told}" in printed
    assert "correct horse" not in printed


def test_a_stack_file_that_is_no_yaml_is_refused_by_line_and_not_quoted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Pulumi.wrong.yaml"
    file.write_text("config:\n  containerised-app:password: 'correct horse\n")
    assert stack_files.main([str(file)]) == 1
    printed = capsys.readouterr().out
    assert "Pulumi.wrong.yaml: is no YAML" in printed
    assert "correct horse" not in printed
