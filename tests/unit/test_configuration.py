"""What is written from the keys' fields: Pulumi.yaml's block, the table of keys, and the schema of stack files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import ConfigurationError, docs, parse
from settings.key import KEYS, Key
from tests.support import stack_files
from tests.support.stack import SECRET_KEYS
from tests.unit.conftest import PROFILE, ROOT, as_pulumi_does, settings_of
from tests.unit.kubernetes_values import certificate

COMMITTED = sorted(ROOT.glob("Pulumi.*.yaml"))
FIRST_LINE = "# yaml-language-server: $schema=docs/stack.schema.json"

NEW_KEY = """
    pet: Annotated[str, Form(r"^(cat|dog)$", "cat or dog")] = key("cat", "The pet of the app.")
"""
PROGRAM = """
import sys
import settings
from settings.docs import files
from specs.oci_profile import OciProfile

values = {"password": "correct horse", "registryToken": "token", "pet": sys.argv[1]}
settings.parse(values, "containerised-app", "dev", OciProfile("eu-frankfurt-1", "ocid1.tenancy.oc1..a", "ocid1.user.oc1..b"))
"""


def test_a_new_key_is_one_field(tmp_path: Path) -> None:
    for folder in ("settings", "specs", "docs", "docker"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    section = tmp_path / "settings" / "app.py"
    section.write_text(section.read_text().replace("\n    def problems", f"{NEW_KEY}\n    def problems", 1))
    python = [sys.executable, "-B"]
    stale = subprocess.run([*python, "-m", "settings", "--check"], cwd=tmp_path, capture_output=True, text=True)
    assert stale.returncode == 1
    assert "make docs" in stale.stderr
    subprocess.run([*python, "-m", "settings"], cwd=tmp_path, check=True)
    entry = yaml.safe_load((tmp_path / "Pulumi.yaml").read_text())["config"]["pet"]
    assert entry == {"type": "string", "default": "cat", "description": "The pet of the app."}
    row = "| `pet` | string | `cat` | cat or dog | The pet of the app. |"
    assert row in (tmp_path / "docs" / "configuration.md").read_text().splitlines()
    schema = json.loads((tmp_path / "docs" / "stack.schema.json").read_text())
    form, _ = schema["properties"]["config"]["properties"]["containerised-app:pet"]["anyOf"]
    assert form["pattern"] == "^(cat|dog)$"
    program = [*python, "-c", PROGRAM, "mouse"]
    wrong = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert "pet: must be cat or dog (is 'mouse')\n    pulumi config set pet cat" in wrong.stderr


NUMBERS = [key for key in KEYS.values() if key.type == "integer"]


@pytest.mark.parametrize("key", NUMBERS, ids=lambda key: key.name)
def test_the_program_takes_the_ends_of_a_range_and_refuses_what_lies_beyond(key: Key, values: dict[str, Any]) -> None:
    own = {**values, "target": docs.targets(key)[0], "apiNetworks": ["203.0.113.7/32"]}

    def refused(value: int) -> bool:
        try:
            settings_of({**own, key.name: value})
        except ConfigurationError as error:
            # Rules between keys have words of their own.
            return f"\n{key.name}: must be" in str(error)
        return False

    least, most = key.accepts["minimum"], key.accepts.get("maximum")
    assert not refused(least)
    assert refused(least - 1)
    if most is not None:
        assert not refused(most)
        assert refused(most + 1)


@pytest.mark.parametrize("key", [key for key in KEYS.values() if key.secret], ids=lambda key: key.name)
def test_the_program_refuses_in_plain_text_what_is_secret(key: Key, values: dict[str, Any]) -> None:
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


def test_the_tests_encrypt_every_secret_key() -> None:
    assert {key.name for key in KEYS.values() if key.secret and key.type == "string"} == set(SECRET_KEYS)


# --- the schema ---


def config(**values: Any) -> dict[str, Any]:
    return {"config": {f"containerised-app:{key}": value for key, value in values.items()}}


def test_editors_understand_the_schemas_patterns() -> None:
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


def test_every_default_is_valid_in_a_stack_file() -> None:
    optional = {key.name: key.default for key in KEYS.values() if not key.secret or key.type == "object"}
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
    ("wrong", "message"),
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
    wrong: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Pulumi.wrong.yaml"
    file.write_text(yaml.safe_dump(wrong))
    assert stack_files.main([str(file)]) == 1
    printed = capsys.readouterr().out
    assert f"Pulumi.wrong.yaml: {message}" in printed or f"    {message}" in printed
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
