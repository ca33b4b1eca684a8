"""The sandbox's environment and stack files for Pulumi, and `make local-down`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import account, down, environment, paths, plugins, pulumi_command, stack_file
from sandbox.committed_file import adapted
from sandbox.process import SandboxError

ROOT = Path(__file__).parents[2]


def test_environment_contains_nothing_of_the_user() -> None:
    inherited = {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "PULUMI_ACCESS_TOKEN": "mine",
        "PULUMI_HOME": "/home/me/.pulumi",
        "DOCKER_HOST": "ssh://there",
        "TF_VAR_private_key": "mine",
        "OCI_PRIVATE_KEY": "mine",
        "no_proxy": "intranet",
    }
    given = environment.environment(inherited)
    assert "mine" not in given.values()
    assert "DOCKER_HOST" not in given
    assert given["HOME"] == "/home/me"
    for name in ("PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE_FILE", "DOCKER_CONFIG", "SSL_CERT_FILE"):
        assert Path(given[name]).is_relative_to(paths.HOME)
    assert given["PATH"].split(":")[-1] == "/usr/bin"
    assert given["no_proxy"] == f"intranet,{paths.SUBNET}"


def test_stack_file_follows_the_committed_file_and_keeps_local_changes() -> None:
    before = {"a": 1, "b": 1, "c": 1}
    current = {"a": 1, "b": "mine", "c": 1, "set": "here"}
    now = {"a": 2, "b": 2, "new": 3}
    result = stack_file.merged(current, before, now, {"added": 4, "a": "not this"})
    assert result == {"a": 2, "b": "mine", "set": "here", "new": 3, "added": 4}


@pytest.mark.parametrize(("was", "written"), [(1, "1"), (0.5, "0.5"), (True, "true")])
def test_stack_file_compares_numbers_written_as_text(was: object, written: str) -> None:
    assert stack_file.merged({"p:a": written}, {"p:a": was}, {"p:a": 2}, {}) == {"p:a": 2}
    assert stack_file.merged({"p:a": "of my own"}, {"p:a": was}, {"p:a": 2}, {}) == {"p:a": "of my own"}


def test_first_stack_file_is_the_committed_file_and_the_account() -> None:
    assert stack_file.merged({}, {}, {"p:a": 1}, {"p:a": 0, "oci:region": "r"}) == {"p:a": 1, "oci:region": "r"}


def test_stack_file_keeps_secrets_encrypted_in_the_sandbox() -> None:
    committed = {"p:files": {"users": {"secure": ""}}}
    here = {"p:files": {"users": {"secure": "v1:of the sandbox's key"}}}
    missing: list[tuple[str, ...]] = []
    assert stack_file._filled(stack_file.merged(here, committed, committed, {}), here, (), missing) == here
    assert missing == []
    assert stack_file._filled(stack_file.merged({}, {}, committed, {}), {}, (), missing) == {"p:files": {}}
    assert missing == [("p:files", "users")]


def test_account_reaches_machines_from_the_gateway_only() -> None:
    values = stack_file.account_values("p")
    assert values["p:sshNetworks"] == [f"{paths.GATEWAY}/32"]
    assert not any("assword" in key or "oken" in key for key in values)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the project's own Pulumi.yaml and Pulumi.local.yaml, and no other stack file."""
    for name in ("Pulumi.yaml", "Pulumi.local.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "STACKS", tmp_path / "stacks")
    paths.STACKS.mkdir()
    return tmp_path


def test_target_is_read_from_a_minimal_stack_file(checkout: Path) -> None:
    (checkout / "Pulumi.small.yaml").write_text("config: {}\n")
    (checkout / "Pulumi.large.yaml").write_text("config:\n  containerised-app:target: kubernetes\n")
    assert stack_file.target("small") == "instance"
    assert stack_file.target("large") == "kubernetes"
    stack_file.path("small").write_text("config:\n  containerised-app:target: kubernetes\n")
    assert stack_file.target("small") == "kubernetes", "the sandbox's own file has precedence"


def test_error_for_a_missing_stack_file_says_what_to_write(checkout: Path) -> None:
    with pytest.raises(SandboxError, match=r"create a file Pulumi\.lcoal\.yaml"):
        stack_file.target("lcoal")


def test_built_stack_gets_missing_values_from_the_local_stack(checkout: Path) -> None:
    (checkout / "Pulumi.small.yaml").write_text("config:\n  containerised-app:baseImage: mine\n")
    added = stack_file.build_values("containerised-app")
    assert added["containerised-app:registryHost"] == paths.REGISTRY_ADDRESS
    assert set(added) == {f"containerised-app:{key}" for key in stack_file.BUILD_KEYS}
    joined = stack_file._current("containerised-app", "small", added, builds=True)
    assert joined["containerised-app:baseImage"] == "mine"
    assert joined["containerised-app:builder"] == added["containerised-app:builder"]


def test_built_stack_keeps_admitting_this_machine(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(stack: str, file: Path, document: dict[str, Any], config: dict[str, Any]) -> None:
        file.write_text(yaml.safe_dump({**document, "config": config}))

    def networks(mine: str, *, builds: bool) -> list[str]:
        committed = {"containerised-app:sshNetworks": [mine], "containerised-app:registryHost": "ocir.example.com"}
        (checkout / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": committed}))
        config = yaml.safe_load(stack_file._ensure("dev", builds=builds).read_text())["config"]
        host = paths.REGISTRY_ADDRESS if paths.GATEWAY in str(config["containerised-app:sshNetworks"]) else None
        assert config["containerised-app:registryHost"] == (host or "ocir.example.com")
        found: list[str] = config["containerised-app:sshNetworks"]
        return found

    monkeypatch.setattr(stack_file, "write", write)
    monkeypatch.setattr(stack_file, "exists", lambda name, stack: True)
    monkeypatch.setattr(account, "ensure", lambda: None)
    here = f"{paths.GATEWAY}/32"
    assert networks("203.0.113.7/32", builds=False) == ["203.0.113.7/32"]
    assert networks("203.0.113.7/32", builds=True) == ["203.0.113.7/32", here]
    assert networks("203.0.113.9/32", builds=False) == ["203.0.113.9/32", here]


def test_another_subnet_changes_the_registry_of_committed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "REGISTRY_ADDRESS", "10.9.0.2")
    config = {"host": "10.189.0.2", "image": "10.189.0.2/sandbox/base", "other": "10.189.0.23", "list": ["10.189.0.2"]}
    moved = adapted(config, "p", builds=False)
    assert moved == {
        "host": "10.9.0.2",
        "image": "10.9.0.2/sandbox/base",
        "other": "10.189.0.23",
        "list": ["10.189.0.2"],
    }


@pytest.mark.parametrize(
    ("line", "words", "stack"),
    [
        ("up --yes --stack dev", ("up",), "dev"),
        ("-C /x config set --secret key -s=a", ("config", "set", "key"), "a"),
        ("stack output tunnel -s b", ("stack", "output", "tunnel"), "b"),
        ("config set key -- --value", ("config", "set", "key", "--value"), ""),
    ],
)
def test_command_lines_are_parsed_like_pulumi(line: str, words: tuple[str, ...], stack: str) -> None:
    arguments = pulumi_command.parse(line.split())
    assert (arguments.words, arguments.stack) == (words, stack)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks with a prepared file."""
    stacks: list[str] = []

    def ensure(stack: str) -> Path:
        stacks.append(stack)
        return Path(f"/stacks/Pulumi.{stack}.yaml")

    monkeypatch.setattr(stack_file, "ensure", ensure)
    monkeypatch.setattr(stack_file, "differing", lambda stack: ["compartmentId", "dataVolumeId"])
    monkeypatch.setattr(stack_file, "exists", lambda name, stack: False)
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    monkeypatch.chdir(ROOT)
    return stacks


def test_commands_with_configuration_read_the_sandbox_file(prepared: list[str]) -> None:
    line = pulumi_command.command_line(["--color", "never", "up", "--yes"])
    assert line == ["--color", "never", "up", "--config-file", "/stacks/Pulumi.local.yaml", "--yes"]
    assert prepared == ["local"]


def test_only_previews_list_keys_that_differ_from_the_committed_file(
    prepared: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi_command.command_line(["config", "get", "port"])
    assert capsys.readouterr().err == ""
    pulumi_command.command_line(["preview"])
    assert "values that differ from Pulumi.local.yaml: compartmentId, dataVolumeId" in capsys.readouterr().err


def test_explicit_config_file_is_kept(prepared: list[str]) -> None:
    given = ["preview", "--stack", "e2e", "--config-file", "/mine.yaml"]
    assert pulumi_command.command_line(given) == given
    assert prepared == []


def test_stack_rm_keeps_the_committed_file(prepared: list[str]) -> None:
    assert "--preserve-config" in pulumi_command.command_line(["stack", "rm", "--yes", "--stack", "local"])
    assert prepared == []


def test_unknown_stack_is_passed_to_pulumi(prepared: list[str]) -> None:
    assert pulumi_command.command_line(["up", "--stack", "lcoal"]) == ["up", "--stack", "lcoal"]
    assert prepared == []


def test_other_projects_get_only_the_environment(prepared: list[str], tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    given = ["up", "--cwd", str(tmp_path)]
    assert pulumi_command.command_line(given) == given
    assert prepared == []


def test_plugins_have_the_pinned_version() -> None:
    assert f"pulumi-oci=={plugins.version('oci')}" in (ROOT / "requirements.txt").read_text()
    with pytest.raises(SandboxError, match="pulumi-nothing"):
        plugins.version("nothing")
    assert plugins.launcher("sandbox.oci").startswith("#!/bin/sh\n")


def test_stacks_counts_remaining_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BACKEND", tmp_path)
    folder = tmp_path / ".pulumi" / "stacks" / "app"
    folder.mkdir(parents=True)
    (folder / "up.json").write_text(json.dumps({"checkpoint": {"latest": {"resources": [{}, {}]}}}))
    (folder / "empty.json").write_text(json.dumps({"checkpoint": {"latest": None}}))
    assert down.stacks() == {"app/empty": 0, "app/up": 2}


def test_down_removes_sandbox_stacks_and_no_test_stacks(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stack in ("local", "mine", "empty"):
        stack_file.path(stack).write_text("config: {}\n")
    (checkout / ".kubeconfig-mine").touch()
    up = {"local": 3, "mine": 2, "empty": 0, "e2e": 5}
    monkeypatch.setattr(down, "stacks", lambda: {f"containerised-app/{name}": count for name, count in up.items()})
    commands: list[tuple[str, ...]] = []

    def pulumi(*words: str) -> None:
        commands.append(words)
        if words[:2] == ("stack", "rm"):
            del up[words[-1]]

    monkeypatch.setattr(down, "_pulumi", pulumi)
    monkeypatch.setattr(down, "_kept", {"local": "", "mine": "its volume stays"}.get)
    said: list[str] = []
    down.down(said.append, force=False)
    assert [words[-1] for words in commands if words[0] == "destroy"] == ["local", "mine"]
    assert up == {"empty": 0, "e2e": 5}
    assert not (checkout / ".kubeconfig-mine").exists()
    assert said == [
        "stack mine: its volume stays",
        "the sandbox keeps running for containerised-app/e2e; `make destroy STACK=<name>` removes a stack",
    ]
