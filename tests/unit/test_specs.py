"""The pure builders: cloud-init, podman, SSH, secret files, names and rules."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from argon2 import PasswordHasher

from sandbox import paths
from specs import cloud_config, cluster, podman, podman_deploy, secret_files, ssh
from specs.container import ContainerSpec
from specs.network import security_rules
from specs.registry import by_digest

IMAGE = "host/ns/app@sha256:" + "0" * 64
SPEC = ContainerSpec(
    name="jupyterlab",
    port=8888,
    environment={"GREETING": 'it\'s $HOME & 100 %n of $(HOME), $$, `id` and "more"'},
    secret_names=["password-hash"],
    data_path="/jupyter",
    health_path="/api",
    user_id=1000,
    memory_gb=11,
)


def test_the_app_is_published_on_the_loopback_only() -> None:
    words = podman.run_command(SPEC, IMAGE)
    assert words[words.index("--publish") + 1] == "127.0.0.1:8888:8888"
    assert words.count("--publish") == 1
    assert "--network" not in words


def test_the_container_runs_the_digest_without_root_and_without_capabilities() -> None:
    words = podman.run_command(SPEC, IMAGE)
    assert words[-1] == IMAGE
    assert words[words.index("--user") + 1] == "1000:1000"
    assert words[words.index("--cap-drop") + 1] == "all"


@pytest.mark.parametrize(
    "script",
    [
        podman_deploy.deploy_script(SPEC, IMAGE, "host", "ns/me", "ocid1.instance.one"),
        podman_deploy.remove_script("jupyterlab"),
        cloud_config.PREPARE_DATA_DISK,
        cluster.START_NODE,
    ],
    ids=["deploy", "remove", "data disk", "node"],
)
def test_the_scripts_pass_shellcheck(script: str, tmp_path: Path) -> None:
    file = tmp_path / "script.sh"
    file.write_text(script if script.startswith("#!") else f"#!/bin/bash\n{script}")
    # By its path: the environment's programs are not on PATH.
    result = subprocess.run([paths.VENV / "bin" / "shellcheck", file], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_secret_files_are_mounted_where_no_container_engine_mounts_anything() -> None:
    words = podman.run_command(SPEC, IMAGE)
    mounted = "jupyterlab-0,type=mount,target=/etc/app-secrets/password-hash,uid=1000,gid=1000,mode=0400"
    assert words[words.index("--secret") + 1] == mounted


def test_a_health_path_with_an_ampersand_is_one_check_and_no_shell_command() -> None:
    spec = replace(SPEC, health_path="/api?a=1&b=2")
    words = podman.run_command(spec, IMAGE)
    assert json.loads(words[words.index("--health-cmd") + 1]) == ["healthcheck", "http://127.0.0.1:8888/api?a=1&b=2"]


def test_the_environment_cannot_override_port_and_data_folder() -> None:
    spec = replace(SPEC, environment={"PORT": "1"})
    words = podman.run_command(spec, IMAGE)
    assert {"PORT=8888", "DATA_PATH=/jupyter", "HOME=/jupyter"} <= set(words)
    assert "PORT=1" not in words


def blkid_and_mkfs(content: bytes, tmp_path: Path) -> tuple[int, str, list[str]]:
    """Run the data disk's script on a file of this content, without root: exit status, message, and whether mkfs was called."""
    device, calls, tools = tmp_path / "device", tmp_path / "calls", tmp_path / "bin"
    device.write_bytes(content)
    tools.mkdir()
    for name, body in {
        "blkid": "exit 2",
        "mkfs.ext4": f"echo mkfs >>{calls}",
        "mountpoint": "exit 1",
        "mount": f"echo mount >>{calls}",
        "mkdir": "exit 0",
        "resize2fs": "exit 0",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    script = cloud_config.PREPARE_DATA_DISK.replace(cloud_config.DATA_DEVICE, str(device)).replace("-b ", "-f ")
    environment = {"PATH": f"{tools}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    return done.returncode, done.stderr, calls.read_text().split() if calls.exists() else []


def test_an_empty_data_disk_is_formatted_and_mounted(tmp_path: Path) -> None:
    assert blkid_and_mkfs(bytes(32 << 20), tmp_path) == (0, "", ["mkfs", "mount"])


def test_a_data_disk_with_any_content_is_never_formatted(
    tmp_path: Path,
) -> None:
    status, said, calls = blkid_and_mkfs(bytes(1 << 20) + b"notebooks" + bytes(31 << 20), tmp_path)
    assert (status, calls) == (1, [])
    assert "left alone" in said


def test_an_environment_value_reaches_podman_unchanged() -> None:
    script = podman_deploy.deploy_script(SPEC, IMAGE, "host", "ns/me", "ocid1.instance.one")
    line = next(line for line in script.splitlines() if line.startswith("exec podman run"))
    assert f"GREETING={SPEC.environment['GREETING']}" in shlex.split(line)


def test_the_name_of_a_user_is_never_run_by_the_shell() -> None:
    script = podman_deploy.deploy_script(SPEC, IMAGE, "host", "ns/$(touch /tmp/x)`id`", "ocid1.instance.one")
    lines = [line for line in script.splitlines() if "touch" in line]
    assert lines
    assert all(line.count("'ns/$(touch /tmp/x)`id`'") == line.count("touch") for line in lines)


def test_secrets_travel_on_stdin_in_the_order_in_which_the_script_reads_them() -> None:
    given = podman_deploy.deploy_input("the token", {"b": "two\nlines", "a": "one"})
    assert [base64.b64decode(line).decode() for line in given.splitlines()] == ["the token", "one", "two\nlines"]
    spec = replace(SPEC, secret_names=["a", "b"])
    script = podman_deploy.deploy_script(spec, IMAGE, "host", "ns/me", "ocid1.instance.one")
    assert (
        script.index("read -r token")
        < script.index('store_secret "jupyterlab-$generation-0"')
        < script.index('store_secret "jupyterlab-$generation-1"')
    )


def test_another_instance_gets_the_app_even_at_the_address_of_the_one_before() -> None:
    assert podman_deploy.deploy_script(SPEC, IMAGE, "host", "ns/me", "one") != podman_deploy.deploy_script(
        SPEC, IMAGE, "host", "ns/me", "two"
    )


def test_nothing_that_changes_with_a_deployment_is_in_cloud_init() -> None:
    text = cloud_config.cloud_config(ssh.HostKey("PRIVATE", "PUBLIC"))
    assert not any(word in text for word in ("jupyter", "8888", "sha256", "password"))
    assert len(cloud_config.encode(text)) < 16_000


def test_cloud_init_reads_the_user_data() -> None:
    text = cloud_config.cloud_config(ssh.HostKey("PRIVATE", "PUBLIC"))
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    assert document["ssh_keys"]["ecdsa_private"] == "PRIVATE"
    assert all(set(entry) == {"path", "permissions", "owner", "content"} for entry in document["write_files"])


def test_the_host_key_is_constant_and_differs_by_stack_key_and_generation() -> None:
    one = ssh.host_key(b"a key", "compartment/project/dev", 1)
    assert ssh.host_key(b"a key", "compartment/project/dev", 1) == one
    others = [
        ssh.host_key(b"a key", "compartment/project/oke", 1),
        ssh.host_key(b"another", "compartment/project/dev", 1),
        ssh.host_key(b"a key", "compartment/project/dev", 2),
    ]
    assert len({key.public for key in (one, *others)}) == 4


def test_a_new_comment_on_the_ssh_key_leaves_the_host_key_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "before", "-f", str(file)], check=True)
    before = ssh.read_key(file)
    subprocess.run(["ssh-keygen", "-q", "-c", "-C", "after", "-P", "", "-f", str(file)], check=True)
    after = ssh.read_key(file)
    assert before.private != after.private
    assert ssh.host_key(before.seed, "p/s", 1) == ssh.host_key(after.seed, "p/s", 1)


def test_openssh_takes_the_host_key(tmp_path: Path) -> None:
    key = ssh.host_key(b"a key", "project/dev", 1)
    file = tmp_path / "host_key"
    file.write_text(key.private)
    file.chmod(0o600)
    shown = subprocess.run(["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[:2] == key.public.split()


@pytest.mark.parametrize("options", [["-t", "ed25519"], ["-t", "rsa", "-b", "3072"], ["-t", "ecdsa", "-m", "PEM"]])
def test_the_public_key_is_the_one_that_ssh_keygen_prints(options: list[str], tmp_path: Path) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", *options, "-N", "", "-f", str(file)], check=True)
    assert ssh.read_key(file).public.split() == file.with_suffix(".pub").read_text().split()[:2]


def test_the_tunnel_is_one_command_which_pins_the_host_key_and_asks_nothing() -> None:
    command = ssh.tunnel_command("192.0.2.1", "~/my keys/id", "ecdsa-sha2-nistp256 AAAA", 9999)
    words = shlex.split(command)
    assert words[words.index("-L") + 1] == "127.0.0.1:9999:127.0.0.1:9999"
    assert "KnownHostsCommand=/bin/echo 192.0.2.1 ecdsa-sha2-nistp256 AAAA" in words
    assert words[-1] == "opc@192.0.2.1"
    # Outside quotes, so that the shell still expands it.
    assert "-i ~/'my keys/id'" in command


def test_the_password_is_accepted_by_its_hash_and_no_other_is() -> None:
    rendered = secret_files.render({"password-hash": "argon2:{argon2}"}, "correct horse", "a/stack")
    scheme, _, phc = rendered["password-hash"].partition(":")
    assert scheme == "argon2"
    assert PasswordHasher().verify(phc, "correct horse")
    assert phc.startswith("$argon2id$v=19$m=10240,t=10,p=8$")
    assert secret_files.argon2_hash("wrong horse", "a/stack") != phc


def test_the_hash_is_stable_and_its_salt_independent_of_the_password() -> None:
    one, two = (secret_files.argon2_hash(password, "a/stack") for password in ("correct horse", "another horse"))
    assert one.split("$")[4] == two.split("$")[4]
    assert one.split("$")[4] != secret_files.argon2_hash("correct horse", "b/stack").split("$")[4]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("host/ns/app:v1@sha256:ab", "host/ns/app@sha256:ab"),
        ("host:5000/ns/app:v1@sha256:ab", "host:5000/ns/app@sha256:ab"),
        ("host:5000/ns/app@sha256:ab", "host:5000/ns/app@sha256:ab"),
    ],
)
def test_a_reference_by_digest_has_no_tag(reference: str, expected: str) -> None:
    assert by_digest(reference) == expected


def test_a_reference_without_a_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="no digest"):
        by_digest("host/ns/app:v1")


def test_only_ssh_from_the_configured_networks_comes_in() -> None:
    inbound = [rule for rule in security_rules(["192.0.2.0/24", "198.51.100.7/32"]) if rule.direction == "INGRESS"]
    assert [(rule.network, rule.ports, rule.protocol) for rule in inbound] == [
        ("192.0.2.0/24", (22, 22), "6"),
        ("198.51.100.7/32", (22, 22), "6"),
    ]
    assert all(rule.description for rule in inbound)
